import { Modal } from "@mantine/core";

interface DialogProps {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  size?: "md" | "lg" | "xl";
  children: React.ReactNode;
}

/** A dialog over the page; Esc closes it, and what had the focus has it again. */
export function Dialog({ title, isOpen, onClose, size = "md", children }: DialogProps) {
  return (
    <Modal.Root opened={isOpen} onClose={onClose} size={size} yOffset="10vh" lockScroll={false}>
      <Modal.Overlay />
      <Modal.Content>
        {/* Not Mantine's own head, which is a landmark beside the page's. */}
        <div className="hg-dialog-head">
          <Modal.Title>{title}</Modal.Title>
          <Modal.CloseButton aria-label="close" />
        </div>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

interface ConfirmProps extends DialogProps {
  /** What the button says: what it does, not "OK". */
  label: string;
  isDangerous?: boolean;
  isBusy: boolean;
  isReady?: boolean;
  error: unknown;
  onConfirm: () => void;
}

/** Asks before something is done, and says what will happen. */
export function Confirm(props: ConfirmProps) {
  const { label, isDangerous = false, isBusy, isReady = true, error, onConfirm, children, ...dialog } = props;
  return (
    <Dialog {...dialog}>
      <form
        className="hg-form"
        onSubmit={(event) => {
          event.preventDefault();
          onConfirm();
        }}
      >
        {children}
        <Problem error={error} />
        <div className="hg-form-foot">
          <button type="button" className="hg-button" onClick={dialog.onClose}>
            Cancel
          </button>
          <button type="submit" className={`hg-button ${isDangerous ? "hg-danger" : "hg-main"}`} disabled={isBusy || !isReady}>
            {isBusy ? "Working …" : label}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Why something was not done, in the words of who refused it. */
export function Problem({ error }: { error: unknown }) {
  if (error === null || error === undefined) {
    return null;
  }
  const hint = error instanceof Error && "hint" in error && typeof error.hint === "string" ? error.hint : "";
  return (
    <div className="hg-problem" role="alert">
      {error instanceof Error ? error.message : String(error)}
      {hint && <div className="hg-soft">hint: {hint}</div>}
    </div>
  );
}

interface FieldProps {
  label: string;
  hint?: string;
  children: React.ReactNode;
}

/** A control with its name above and what it is for beneath. */
export function Field({ label, hint, children }: FieldProps) {
  return (
    <label className="hg-field">
      <span>{label}</span>
      {children}
      {hint && <span className="hg-soft">{hint}</span>}
    </label>
  );
}
