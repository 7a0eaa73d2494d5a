//! The checks that all resources share.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use anyhow::{Context, bail, ensure};
use incident_io::apis::Error;
use incident_io::apis::configuration::Configuration;
use incident_io::models::ErrorResponse;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// An id that does not exist.
pub(crate) const NOTHING: &str = "01FCNDV6P870EA6S7TK1DSYDG0";

/// The client, and the calls that it made.
pub(crate) struct Judge {
    /// The client's configuration.
    pub(crate) config: Configuration,
    /// A text that distinguishes the objects of this run from those of another.
    pub(crate) run: String,
    driven: RefCell<BTreeMap<String, usize>>,
}

/// A filter in the client's type.
pub(crate) fn filter(operator: &str, value: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([(operator.to_owned(), vec![value.to_owned()])])
}

/// A value in one of the client's types.
pub(crate) fn typed<T: DeserializeOwned>(value: &Value) -> anyhow::Result<T> {
    serde_json::from_value(value.clone())
        .with_context(|| format!("the client's type does not accept {value}"))
}

/// The id of an object.
pub(crate) fn id(value: &Value) -> anyhow::Result<String> {
    value["id"].as_str().map(str::to_owned).with_context(|| format!("no id in {value}"))
}

impl Judge {
    /// Creates the client.
    pub(crate) fn new(url: String, key: String) -> Self {
        let mut config = Configuration::new();
        config.base_path = url;
        config.bearer_access_token = Some(key);
        let run = format!("{:08x}", std::process::id());
        Self { config, run, driven: RefCell::default() }
    }

    /// The number of calls, by operation and outcome.
    pub(crate) fn driven(&self) -> BTreeMap<String, usize> {
        self.driven.borrow().clone()
    }

    /// Counts a call.
    fn count(&self, call: String) {
        *self.driven.borrow_mut().entry(call).or_default() += 1;
    }

    /// Checks that a call succeeded and its response fits the client's types.
    pub(crate) fn fits<T: Serialize, E: Debug>(
        &self,
        name: &str,
        answer: Result<T, Error<E>>,
    ) -> anyhow::Result<Value> {
        let reply = match answer {
            Ok(reply) => serde_json::to_value(reply)?,
            Err(Error::ResponseError(content)) => bail!("{name}: {} {}", content.status, content.content),
            Err(error) => bail!("{name}: {error}"),
        };
        self.count(format!("{name} ok"));
        Ok(reply)
    }

    /// Checks that a call failed with this status and an error that the client reads; returns the field it names.
    pub(crate) fn refused<T, E: Debug>(
        &self,
        name: &str,
        status: u16,
        answer: Result<T, Error<E>>,
    ) -> anyhow::Result<String> {
        let content = match answer {
            Err(Error::ResponseError(content)) => content,
            Err(error) => bail!("{name}: {error}"),
            Ok(_) => bail!("{name} was not refused"),
        };
        ensure!(content.status == status, "{name}: {} {}", content.status, content.content);
        ensure!(content.entity.is_some(), "{name}: the client cannot read {}", content.content);
        let refusal: ErrorResponse = serde_json::from_str(&content.content)?;
        let refusal = serde_json::to_value(refusal)?;
        ensure!(refusal["status"] == status && refusal["request_id"].is_string(), "{name}: {refusal}");
        ensure!(refusal["errors"][0]["message"].is_string(), "{name}: {refusal}");
        self.count(format!("{name} {status}"));
        Ok(refusal["errors"][0]["source"]["field"].as_str().unwrap_or_default().to_owned())
    }

    /// Reads a list with two objects a page, and checks that it contains all wanted objects once.
    pub(crate) async fn pages<F>(
        &self,
        field: &str,
        wanted: &[String],
        page: impl Fn(Option<String>) -> F,
    ) -> anyhow::Result<Vec<Value>>
    where
        F: Future<Output = anyhow::Result<Value>>,
    {
        let (mut met, mut after, mut count) = (Vec::new(), None, 0);
        loop {
            let reply = page(after).await?;
            let items = reply[field].as_array().with_context(|| format!("no {field} in {reply}"))?;
            ensure!(items.len() <= 2 && reply["pagination_meta"]["page_size"] == 2, "{reply}");
            met.extend(items.clone());
            count += 1;
            after = reply["pagination_meta"]["after"].as_str().map(str::to_owned);
            if after.is_none() {
                break;
            }
        }
        let mut ids = met.iter().map(id).collect::<anyhow::Result<Vec<_>>>()?;
        for one in wanted {
            ensure!(ids.contains(one), "{field}: {one} is missing");
        }
        ids.sort();
        ids.dedup();
        ensure!(ids.len() == met.len(), "{field}: something came twice");
        ensure!(count >= 2, "{field}: everything was on one page");
        Ok(met)
    }

    /// Calls an operation that the client lacks, because it is a Firebell extension.
    pub(crate) async fn ours(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let method = method.parse().context("a method")?;
        let url = format!("{}{path}", self.config.base_path);
        let key = self.config.bearer_access_token.clone().unwrap_or_default();
        let request = self.config.client.request(method, url).bearer_auth(key).json(body);
        let response = request.send().await?;
        let (status, text) = (response.status(), response.text().await?);
        ensure!(status.is_success(), "{path}: {status} {text}");
        Ok(serde_json::from_str(&text)?)
    }
}

/// Checks that all sent values are in the response. A text may come back inside an object with a label.
pub(crate) fn within(sent: &Value, shown: &Value, at: &str) -> anyhow::Result<()> {
    match (sent, shown) {
        (Value::Null, _) => {}
        (Value::Object(sent), Value::Object(fields)) => {
            for (name, value) in sent.iter().filter(|(_, value)| !value.is_null()) {
                let shown = fields.get(name).with_context(|| format!("{at}.{name} is missing in {shown}"))?;
                within(value, shown, &format!("{at}.{name}"))?;
            }
        }
        (Value::Array(sent), Value::Array(shown)) => {
            ensure!(sent.len() == shown.len(), "{at}: {} were sent, {} are shown", sent.len(), shown.len());
            for (n, (sent, shown)) in sent.iter().zip(shown).enumerate() {
                within(sent, shown, &format!("{at}.{n}"))?;
            }
        }
        (Value::String(_), Value::Object(labelled)) => {
            ensure!(labelled.values().any(|value| value == sent), "{at}: {sent} is not in {shown}");
        }
        _ => ensure!(sent == shown, "{at}: {sent} was sent, {shown} is shown"),
    }
    Ok(())
}
