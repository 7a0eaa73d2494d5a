//! What the store relies on, and what it promises: one suite for every database that it may run on.
//!
//! `database` holds the behaviour of DynamoDB that the store builds on. `commits` holds the verbs that several items share:
//! commits, marks, claims and indexes. `verbs` holds the other writes, each with its condition.
//!
//! The suite runs on the embedded database. With `AWS_ENDPOINT_URL_DYNAMODB` set it runs on the database at that address,
//! in a table of its own for each test. `shared/testing/tests/faults` runs it under the fault layer.

#[cfg(test)]
mod commits;
#[cfg(test)]
mod database;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod subject;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod verbs;

#[cfg(test)]
macro_rules! tests {
    ($($module:ident: $($name:ident)*;)*) => {$(
        mod $module {
            $(
                #[tokio::test]
                async fn $name() {
                    let subject = crate::subject::Subject::new().await;
                    crate::$module::$name(&subject).await;
                    subject.end().await;
                }
            )*
        }
    )*};
}

#[cfg(test)]
mod of_the_database {
    crate::suite::database_suite!(tests);
}

#[cfg(test)]
mod of_the_store {
    crate::suite::store_suite!(tests);
}
