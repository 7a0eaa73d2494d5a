//! Front doors: the APIs of other products, so that whatever sends to them sends here once it is given another host.
//!
//! A sender names a key and no source: the key leads to it. What is accepted is queued as every delivery is; only the
//! words of the answers are those of the other product.

pub(crate) mod opsgenie;
pub(crate) mod pagerduty;
