//! Verbs, each at the path of its file: `src/alert/receive.rs` is tested in `tests/alert/receive.rs`.

#[cfg(test)]
mod world;

#[cfg(test)]
mod alert {
    //! Verbs of alerts.

    mod acknowledge;
    mod note;
    mod receive;
    mod relate;
    mod rescue;
    mod resolve;
    mod retrigger;
    mod tag;
}

#[cfg(test)]
mod escalation {
    //! Verbs of escalations.

    mod create;
    mod reconcile;
    mod respond;
    mod tick;
}
