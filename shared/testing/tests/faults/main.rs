//! Each fault does what AWS does, no more, and comes from the seed.

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
mod streams;
#[cfg(test)]
mod support;
