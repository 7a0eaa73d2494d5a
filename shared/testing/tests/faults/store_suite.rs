//! The store's own suite, while calls fail before they are made, are throttled and take their time.
//!
//! What fails after it was applied is left to the stories: there a verb is asked again as a whole.

use std::sync::Arc;

use machine::Silent;
use store::Store;
use testing::faults::FaultPlan;

use super::support::FaultyServices;
use crate::subject::Subject;

/// What goes wrong.
fn plan() -> FaultPlan {
    FaultPlan { before: 0.05, as_error: 0.5, throttled: 0.03, latency_ms: 20, ..FaultPlan::calm() }
}

/// Runs a test of the suite with some seeds, in a runtime whose time passes only when everybody waits.
fn run(test: impl AsyncFn(&Subject)) {
    for seed in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let services = FaultyServices::new(plan(), seed);
            let table = embedded::TABLE.to_owned();
            let store = Store::new(services.db.clone(), table.as_str(), Arc::new(Silent));
            test(&Subject { client: services.db.clone(), table, store }).await;
        });
    }
}

macro_rules! tests {
    ($($module:ident: $($name:ident)*;)*) => {$(
        mod $module {
            $(
                #[test]
                fn $name() {
                    super::run(crate::$module::$name);
                }
            )*
        }
    )*};
}

crate::suite::store_suite!(tests);
