//! The generic machine, tried with a door.

use std::sync::Mutex;

use jiff::Timestamp;
use machine::{CommitError, Head, State, Stateful, Transition, TransitionStore, check, retry_conflicts};
use proptest::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
enum Door {
    Open,
    Shut,
    Gone,
}

impl State for Door {
    const INITIAL: &'static [Self] = &[Self::Open];

    fn successors(self) -> &'static [Self] {
        match self {
            Self::Open => &[Self::Shut],
            Self::Shut => &[Self::Open, Self::Gone],
            Self::Gone => &[],
        }
    }
}

#[derive(Debug, Clone)]
struct House {
    door: Head<Door>,
    knocks: u32,
}

impl Stateful for House {
    const MACHINE: &'static str = "house";
    type State = Door;
    type Event = u32;
    type Note = ();

    fn head(&self) -> Head<Door> {
        self.door
    }

    fn set_head(&mut self, head: Head<Door>) {
        self.door = head;
    }
}

fn house(state: Door, version: u64) -> House {
    House { door: Head::stored(state, version), knocks: 0 }
}

#[test]
fn table_passes_its_proofs() {
    check::check::<Door>();
}

#[test]
#[should_panic(expected = "cannot be reached")]
fn unreachable_state_is_found() {
    #[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
    #[strum(serialize_all = "snake_case")]
    enum Island {
        Here,
        Away,
    }
    impl State for Island {
        const INITIAL: &'static [Self] = &[Self::Here];
        fn successors(self) -> &'static [Self] {
            &[]
        }
    }

    check::check::<Island>();
}

#[test]
fn missing_edge_is_illegal_and_says_so() {
    let illegal = house(Door::Open, 1).transition_to(Door::Gone, Timestamp::UNIX_EPOCH).unwrap_err();

    assert_eq!(illegal.to_string(), "the house cannot change from `open` to `gone`");
}

#[test]
fn fields_change_with_the_state_but_the_head_is_the_machines() {
    let transition = house(Door::Open, 4)
        .transition_to(Door::Shut, Timestamp::UNIX_EPOCH)
        .unwrap()
        .with(|house| {
            house.knocks = 7;
            house.door = Head::stored(Door::Gone, 99);
        })
        .on_transition(|transition| transition.after().knocks);

    let parts = transition.into_parts();
    assert_eq!(parts.after.head(), Head::stored(Door::Shut, 5));
    assert_eq!(parts.events, [7]);
}

#[test]
fn what_is_over_is_not_amended() {
    assert!(house(Door::Gone, 3).amend(Timestamp::UNIX_EPOCH).is_err());
    assert_eq!(house(Door::Shut, 3).amend(Timestamp::UNIX_EPOCH).unwrap().after().head().version(), 4);
}

/// Keeps one house in memory, as the least store there is.
struct Shelf(Mutex<House>);

impl TransitionStore<House> for Shelf {
    async fn execute(&self, transition: Transition<House>) -> Result<Head<Door>, CommitError> {
        let parts = transition.into_parts();
        let mut kept = self.0.lock().expect("nobody panics with it");
        if parts.before.map(|before| before.head()) != Some(kept.head()) {
            return Err(CommitError::Conflict);
        }
        *kept = parts.after;
        Ok(kept.head())
    }
}

#[tokio::test(start_paused = true)]
async fn conflict_loads_and_decides_again() {
    let shelf = Shelf(Mutex::new(house(Door::Open, 1)));
    let attempts = Mutex::new(0);

    let head = retry_conflicts(|| async {
        let first = {
            let mut attempts = attempts.lock().unwrap();
            *attempts += 1;
            *attempts == 1
        };
        let mut loaded = shelf.0.lock().unwrap().clone();
        if first {
            loaded.door = Head::stored(Door::Open, 0);
        }
        loaded.transition_to(Door::Shut, Timestamp::UNIX_EPOCH).unwrap().execute(&shelf).await
    })
    .await
    .unwrap();

    assert_eq!(head, Head::stored(Door::Shut, 2));
    assert_eq!(*attempts.lock().unwrap(), 2);
}

proptest! {
    #[test]
    fn random_walk_only_ever_follows_edges(steps in proptest::collection::vec(0_usize..3, 0..40)) {
        let mut at = house(Door::Open, 1);
        for step in steps {
            let to = Door::ALL[step];
            let from = at.head();
            match at.transition_to(to, Timestamp::UNIX_EPOCH) {
                Ok(transition) => {
                    prop_assert!(from.state().successors().contains(&to));
                    at = transition.into_parts().after;
                    prop_assert_eq!(at.head().version(), from.version() + 1);
                }
                Err(_) => prop_assert!(!from.state().successors().contains(&to)),
            }
        }
    }
}
