-- Which targets had no price in calls of an experiment, so that a report can name them: costs without them say nothing.
create table experiment_unpriced (
    version text not null,
    project text not null,
    arm text not null,
    target text not null,
    calls bigint not null,
    primary key (version, project, arm, target)
);
