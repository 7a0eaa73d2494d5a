//! Stories: the whole bundle in one process, named by behaviour.

#[cfg(test)]
mod backfill;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod cancelled_group;
#[cfg(test)]
mod cost;
#[cfg(test)]
mod end_given_up;
#[cfg(test)]
mod end_overtaken;
#[cfg(test)]
mod episodes;
#[cfg(test)]
mod expiry;
#[cfg(test)]
mod expressions;
#[cfg(test)]
mod fires_again;
#[cfg(test)]
mod flap;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod heartbeat;
#[cfg(test)]
mod intake;
#[cfg(test)]
mod large_texts;
#[cfg(test)]
mod levels;
#[cfg(test)]
mod long_outage;
#[cfg(test)]
mod mail;
#[cfg(test)]
mod many_people;
#[cfg(test)]
mod master;
#[cfg(test)]
mod no_channel;
#[cfg(test)]
mod old_data;
#[cfg(test)]
mod old_messages;
#[cfg(test)]
mod order;
#[cfg(test)]
mod race;
#[cfg(test)]
mod relate;
#[cfg(test)]
mod rescue;
#[cfg(test)]
mod retrigger;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod slack;
#[cfg(test)]
mod sweep;
#[cfg(test)]
mod unreadable;
#[cfg(test)]
mod unreadable_sender;

#[cfg(test)]
mod stage {
    //! What stories share.

    use std::future::Future;

    use testing::bundle::Bundle;
    use testing::faults::FaultPlan;
    use testing::inbox::Provider;
    use testing::ledger::Ledger;

    /// Runs a story in a runtime of its own with paused time.
    pub(crate) fn tell<F: Future<Output = ()>>(story: impl FnOnce() -> F) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(story());
    }

    /// The bundle without faults.
    pub(crate) async fn calm() -> Bundle {
        with(FaultPlan::calm()).await
    }

    /// The bundle with these faults.
    pub(crate) async fn with(plan: FaultPlan) -> Bundle {
        Bundle::start(1, plan, Provider::default()).await.unwrap()
    }

    /// The items of the table.
    pub(crate) async fn ledger(bundle: &Bundle) -> Ledger {
        Ledger::read(&bundle.embedded.backend()).await.unwrap()
    }

    /// The addresses of the notifications that arrived, in order.
    pub(crate) fn paged(bundle: &Bundle) -> Vec<String> {
        bundle.inbox.arrived().into_iter().map(|arrived| arrived.address).collect()
    }
}
