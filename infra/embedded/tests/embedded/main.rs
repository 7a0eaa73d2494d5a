//! Tests of the embedded services through the AWS clients.

#[cfg(test)]
mod dynamo;
#[cfg(test)]
mod growth;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod queues;
#[cfg(test)]
mod race;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod sqs;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod support;
#[cfg(test)]
mod units;
