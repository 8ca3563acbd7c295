"""Projects that parts of a document name, checked. Pure. Read next: `config.document`."""

from headgate.config.document import Document
from headgate.config.lines import Path
from headgate.config.problems import Problems, nearest


def check_project(document: Document, project: str, path: Path, problems: Problems) -> None:
    """Refuse a project that is not in [projects]; `default` always is one."""
    if project != "default" and project not in document.projects:
        close = nearest(project, document.projects)
        problems.add(path, f"is {project!r}, which [projects] does not have{close}")
