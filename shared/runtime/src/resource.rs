//! A custom resource of CloudFormation: what a deployment makes that no template can say.
//!
//! CloudFormation waits for an answer at an address that it gives. Whatever happens, one is sent: a deployment that is
//! never answered hangs until its time is up, and so does its way back.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use futures_util::FutureExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::{error, info};

use crate::aws::https::Https;
use crate::function::{BoxFuture, Failure, Function};

/// How long a change may take; the function's own timeout leaves time for the answer.
const LONGEST: Duration = Duration::from_secs(30);
/// How long one try to answer may take, and how many there are.
const PATIENCE: Duration = Duration::from_secs(5);
const TRIES: u32 = 3;
/// How long to wait before another try.
const PAUSE: Duration = Duration::from_secs(1);
/// The most of a reason that is sent: an answer has 4 KB.
const REASON_BYTES: usize = 1024;
/// What a resource is called whose making failed.
const NOT_MADE: &str = "not-made";

/// What CloudFormation asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<P> {
    /// That it is there, with these properties: the first time, or after a change of them.
    Make(P),
    /// That it is gone. Its properties may be those that could not be made, so they are not read.
    Remove,
}

/// What was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// What the resource is called; must not change, or CloudFormation removes the old one.
    pub id: String,
    /// What the template may refer to. Nothing secret: whoever may look at the stack sees it.
    pub data: BTreeMap<String, String>,
}

/// A request of CloudFormation.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceRequest {
    request_type: RequestType,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    physical_resource_id: Option<String>,
    #[serde(default)]
    resource_properties: Value,
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum RequestType {
    /// The resource is new.
    Create,
    /// Its properties changed.
    Update,
    /// It is no longer in the template, or its stack is deleted.
    Delete,
}

/// Whether it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Status {
    /// It was.
    Success,
    /// It was not; the reason says why.
    Failed,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceAnswer {
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    physical_resource_id: String,
    data: BTreeMap<String, String>,
}

/// Answers a request; it cannot fail, because a failure is an answer too.
pub type ResourceHandler = Arc<dyn Fn(ResourceRequest) -> BoxFuture<'static, ResourceAnswer> + Send + Sync>;

/// Makes a function that a deployment calls.
pub fn resource<P, F, E>(handle: impl Fn(Change<P>) -> F + Send + Sync + 'static) -> Function
where
    P: DeserializeOwned + Send + 'static,
    F: Future<Output = Result<Made, E>> + Send + 'static,
    E: std::error::Error + Send + 'static,
{
    let handle = Arc::new(handle);
    Function::Resource(Arc::new(move |request: ResourceRequest| {
        let handle = handle.clone();
        Box::pin(async move {
            let made = change(&*handle, &request).await;
            if let Err(reason) = &made {
                error!(
                    resource = request.logical_resource_id,
                    reason, "what a deployment asked for was not done"
                );
            }
            request.answer(made)
        })
    }))
}

/// Does what a request asks for, or says why not.
async fn change<P, F, E>(
    handle: &(impl Fn(Change<P>) -> F + Sync),
    request: &ResourceRequest,
) -> Result<Made, String>
where
    P: DeserializeOwned,
    F: Future<Output = Result<Made, E>>,
    E: std::error::Error,
{
    let change = match request.request_type {
        RequestType::Delete => Change::Remove,
        RequestType::Create | RequestType::Update => {
            let properties = serde_json::from_value(request.resource_properties.clone());
            Change::Make(properties.map_err(|fault| format!("its properties cannot be read: {fault}"))?)
        }
    };
    let done = AssertUnwindSafe(tokio::time::timeout(LONGEST, handle(change))).catch_unwind().await;
    match done {
        Ok(Ok(Ok(made))) => Ok(made),
        Ok(Ok(Err(fault))) => Err(with_causes(&fault)),
        Ok(Err(_)) => Err(format!("it was not done within {} seconds", LONGEST.as_secs())),
        Err(_) => Err("its handler panicked".to_owned()),
    }
}

/// An error and what caused it.
fn with_causes(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(fault) = cause {
        text.push_str(&format!(": {fault}"));
        cause = fault.source();
    }
    text.truncate(text.floor_char_boundary(REASON_BYTES));
    text
}

impl ResourceRequest {
    /// The answer: what was made, or why not.
    fn answer(self, made: Result<Made, String>) -> ResourceAnswer {
        let (status, reason, made) = match made {
            Ok(made) => (Status::Success, None, made),
            Err(reason) => (Status::Failed, Some(reason), Made::default()),
        };
        let id = if made.id.is_empty() { NOT_MADE.to_owned() } else { made.id };
        ResourceAnswer {
            status,
            reason,
            stack_id: self.stack_id,
            request_id: self.request_id,
            logical_resource_id: self.logical_resource_id,
            // The name that CloudFormation knows stays: another one would mean another resource.
            physical_resource_id: self.physical_resource_id.unwrap_or(id),
            data: made.data,
        }
    }
}

/// Handles a request as it comes, and sends the answer to where CloudFormation waits for it.
///
/// # Errors
/// If there was nobody to answer, or the answer could not be sent: Lambda then calls again.
pub async fn serve(handle: &ResourceHandler, event: Value) -> Result<(), Failure> {
    // Whoever knows the address may answer in our place: it is not logged.
    let Some(address) = event["ResponseURL"].as_str().map(str::to_owned) else {
        error!("a request of CloudFormation has no address to answer to");
        return Err(Failure("the request has no ResponseURL".to_owned()));
    };
    let answer = match serde_json::from_value::<ResourceRequest>(event.clone()) {
        Ok(request) => handle(request).await,
        Err(fault) => unreadable(&event, &fault),
    };
    let body = serde_json::to_string(&answer).map_err(|fault| Failure(fault.to_string()))?;
    for attempt in 1..=TRIES {
        match put(&address, &body).await {
            Ok(()) => {
                info!(status = ?answer.status, "answered CloudFormation");
                return Ok(());
            }
            Err(fault) => error!(attempt, %fault, "the answer did not reach CloudFormation"),
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(Failure("the answer did not reach CloudFormation".to_owned()))
}

/// The answer to a request that this version cannot read, from what there is of it.
fn unreadable(event: &Value, fault: &serde_json::Error) -> ResourceAnswer {
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    ResourceAnswer {
        status: Status::Failed,
        reason: Some(format!("the request cannot be read: {fault}")),
        stack_id: text("StackId"),
        request_id: text("RequestId"),
        logical_resource_id: text("LogicalResourceId"),
        physical_resource_id: event["PhysicalResourceId"].as_str().unwrap_or(NOT_MADE).to_owned(),
        data: BTreeMap::new(),
    }
}

/// Puts a body at an address.
async fn put(address: &str, body: &str) -> Result<(), Failure> {
    let failed = |fault: &dyn std::error::Error| Failure(with_causes(fault));
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("PUT").map_err(|fault| failed(&fault))?;
    request.set_uri(address.to_owned()).map_err(|fault| failed(&fault))?;
    // No content type: the address is signed for a request that has none.
    request.headers_mut().insert("content-length", body.len().to_string());
    let answered = tokio::time::timeout(PATIENCE, Https::new().call(request)).await;
    let answered = answered.map_err(|fault| failed(&fault))?.map_err(|fault| failed(&fault))?;
    if answered.status().is_success() {
        return Ok(());
    }
    Err(Failure(format!("it was answered {}", answered.status().as_u16())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// What the tests' resource is made of.
    #[derive(Deserialize)]
    struct Properties {
        name: String,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the name is taken")]
    struct Taken;

    /// A resource that is named after its property.
    fn handler() -> ResourceHandler {
        let made = |change: Change<Properties>| async move {
            match change {
                Change::Make(it) if it.name == "taken" => Err(Taken),
                Change::Make(it) if it.name == "panic" => panic!("on purpose"),
                Change::Make(it) => Ok(Made { id: it.name, data: BTreeMap::new() }),
                Change::Remove => Ok(Made::default()),
            }
        };
        match resource(made) {
            Function::Resource(handle) => handle,
            _ => unreachable!("it was just made"),
        }
    }

    fn event(kind: &str, name: &str, address: &str) -> Value {
        json!({
            "RequestType": kind,
            "ResponseURL": address,
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "Organisation",
            "ResourceProperties": { "ServiceToken": "arn", "name": name },
        })
    }

    /// Waits for requests, answers each with the next status, and returns what they were.
    async fn sink(statuses: &'static [u16]) -> (String, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/answer%3Ahere?signed=yes", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let mut requests = Vec::new();
            for status in statuses {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = String::new();
                while !whole(&request) {
                    let mut bytes = [0; 4096];
                    let read = stream.read(&mut bytes).await.unwrap();
                    request.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
                }
                let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
                requests.push(request);
            }
            requests
        });
        (address, serving)
    }

    /// Whether the body is as long as the head says.
    fn whole(request: &str) -> bool {
        let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
        let mut lengths = head
            .lines()
            .filter_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        lengths.next_back() == Some(body.len())
    }

    fn body(request: &str) -> Value {
        serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    #[tokio::test]
    async fn success_is_put_to_the_signed_address_without_a_content_type() {
        let (address, sink) = sink(&[200]).await;

        serve(&handler(), event("Create", "ours", &address)).await.unwrap();

        let request = sink.await.unwrap().remove(0);
        assert!(request.starts_with("PUT /answer%3Ahere?signed=yes HTTP/1.1\r\n"), "{request}");
        assert!(!request.to_lowercase().contains("content-type"), "{request}");
        let answer = body(&request);
        assert_eq!((&answer["Status"], &answer["PhysicalResourceId"]), (&json!("SUCCESS"), &json!("ours")));
        assert_eq!((&answer["StackId"], &answer["RequestId"]), (&json!("stack"), &json!("request")));
    }

    #[tokio::test]
    async fn every_failure_is_answered_with_its_reason() {
        let mut unknown = event("Create", "ours", "");
        unknown["RequestType"] = json!("Rename");
        let mut without = event("Create", "ours", "");
        without["ResourceProperties"] = json!({});
        let cases = [
            (event("Create", "taken", ""), "the name is taken"),
            (event("Create", "panic", ""), "its handler panicked"),
            (without, "its properties cannot be read: missing field `name`"),
            (unknown, "the request cannot be read: unknown variant `Rename`"),
        ];
        for (mut event, reason) in cases {
            let (address, sink) = sink(&[200]).await;
            event["ResponseURL"] = json!(address);

            serve(&handler(), event).await.unwrap();

            let answer = body(&sink.await.unwrap()[0]);
            assert_eq!(
                (&answer["Status"], &answer["PhysicalResourceId"]),
                (&json!("FAILED"), &json!("not-made"))
            );
            assert!(answer["Reason"].as_str().unwrap().starts_with(reason), "{answer}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_that_hangs_is_answered() {
        let never = |_: Change<Properties>| std::future::pending::<Result<Made, Taken>>();
        let Function::Resource(handle) = resource(never) else { unreachable!("it was just made") };
        let request = serde_json::from_value(event("Update", "ours", "")).unwrap();

        let answer = handle(request).await;

        assert_eq!(
            (answer.status, answer.reason.as_deref()),
            (Status::Failed, Some("it was not done within 30 seconds"))
        );
    }

    #[tokio::test]
    async fn what_is_removed_keeps_its_name_and_its_properties_do_not_matter() {
        let mut event = event("Delete", "", "");
        event["PhysicalResourceId"] = json!("ours");
        event["ResourceProperties"] = Value::Null;
        let request = serde_json::from_value(event).unwrap();

        let answer = handler()(request).await;

        assert_eq!((answer.status, &*answer.physical_resource_id), (Status::Success, "ours"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_was_refused_is_sent_again() {
        tokio::time::resume();
        let (address, sink) = sink(&[503, 200]).await;

        serve(&handler(), event("Create", "ours", &address)).await.unwrap();

        let requests = sink.await.unwrap();
        assert_eq!(body(&requests[0]), body(&requests[1]));
        assert!(serve(&handler(), json!({ "RequestType": "Create" })).await.is_err(), "nobody to answer");
    }
}
