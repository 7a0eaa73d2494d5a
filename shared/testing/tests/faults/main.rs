//! Each fault does what AWS does, no more, and comes from the seed. The store's own suite runs under them.

/// The store's suite on whatever database it is given: its files are those of `shared/store/tests/conformance`.
#[cfg(test)]
#[path = "../../../store/tests/conformance/commits.rs"]
mod commits;
#[cfg(test)]
#[path = "../../../store/tests/conformance/samples.rs"]
mod samples;
#[cfg(test)]
#[path = "../../../store/tests/conformance/suite.rs"]
#[expect(
    unused_macros,
    unused_imports,
    reason = "the behaviour of the database itself is not tested under faults"
)]
mod suite;
#[cfg(test)]
#[path = "../../../store/tests/conformance/verbs.rs"]
mod verbs;

#[cfg(test)]
mod subject {
    //! The database that the store's suite is run on.

    /// A table, and the store on it.
    pub(crate) struct Subject {
        /// A client of the database.
        pub(crate) client: aws_sdk_dynamodb::Client,
        /// The table's name.
        pub(crate) table: String,
        /// The store on the table.
        pub(crate) store: store::Store,
    }
}

#[cfg(test)]
mod calls;
#[cfg(test)]
mod invocations;
#[cfg(test)]
mod queues;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod store_suite;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod support;
