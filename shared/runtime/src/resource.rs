//! A custom resource of CloudFormation: it creates things in a deployment that a template cannot express.
//!
//! CloudFormation waits for a response at a URL in its request. A response is sent whatever happens: without it, the
//! deployment waits until its timeout, and its rollback does too.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use egress::Client;
use futures_util::FutureExt;
use http::{HeaderMap, Method};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::{error, info};

use crate::function::{BoxFuture, Failure, Function};

/// The longest time of a change. The function's own timeout leaves time for the response.
const LONGEST: Duration = Duration::from_secs(30);
/// The timeout of one attempt to respond, and the number of attempts.
const PATIENCE: Duration = Duration::from_secs(5);
const TRIES: u32 = 3;
/// The pause before another attempt.
const PAUSE: Duration = Duration::from_secs(1);
/// The most bytes that are read of the reply to a response.
const RESPONSE_BYTES: usize = 16 * 1024;
/// The most bytes of a reason that are sent. A response may have 4 KB.
const REASON_BYTES: usize = 1024;
/// The physical id of a resource whose creation failed.
const NOT_MADE: &str = "not-made";

/// A change that CloudFormation requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<P> {
    /// The resource must exist with these properties: it is created or updated.
    Make(P),
    /// The resource must not exist. Its properties are not read, because they may be invalid: creation may have failed
    /// for that reason.
    Remove,
}

/// A created resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// The physical id. It must not change, or CloudFormation deletes the old resource.
    pub id: String,
    /// The attributes that the template can refer to. They must not be secret: everybody who can see the stack sees them.
    pub data: BTreeMap<String, String>,
}

/// A request from CloudFormation.
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

/// The type of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum RequestType {
    /// Create the resource.
    Create,
    /// Update the resource, because its properties changed.
    Update,
    /// Delete the resource: it is no longer in the template, or its stack is deleted.
    Delete,
}

/// Whether the change succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Status {
    /// The change succeeded.
    Success,
    /// The change failed, for the reason in the response.
    Failed,
}

/// The response to a request.
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

/// Handles a request. It cannot fail, because a failure is a response too.
pub type ResourceHandler = Arc<dyn Fn(ResourceRequest) -> BoxFuture<'static, ResourceAnswer> + Send + Sync>;

/// Creates a function that CloudFormation calls in a deployment.
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
                error!(resource = request.logical_resource_id, reason, "custom resource failed");
            }
            request.answer(made)
        })
    }))
}

/// Applies the requested change, and returns the resource or the reason of the failure.
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
            Change::Make(properties.map_err(|fault| format!("the properties are invalid: {fault}"))?)
        }
    };
    let done = AssertUnwindSafe(tokio::time::timeout(LONGEST, handle(change))).catch_unwind().await;
    match done {
        Ok(Ok(Ok(made))) => Ok(made),
        Ok(Ok(Err(fault))) => Err(with_causes(&fault)),
        Ok(Err(_)) => Err(format!("the change took longer than {} seconds", LONGEST.as_secs())),
        Err(_) => Err("the handler panicked".to_owned()),
    }
}

/// The text of an error with its causes.
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
    /// The response: the created resource, or the reason of the failure.
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
            // The known physical id is kept, because another id would mean another resource.
            physical_resource_id: self.physical_resource_id.unwrap_or(id),
            data: made.data,
        }
    }
}

/// Handles a raw request, and sends the response to the URL at which CloudFormation waits for it.
///
/// # Errors
/// If the request has no URL for the response, or the response could not be sent. Lambda then calls again.
pub async fn serve(handle: &ResourceHandler, event: Value) -> Result<(), Failure> {
    // The URL is not logged, because everybody who knows it can send the response.
    let Some(address) = event["ResponseURL"].as_str().map(str::to_owned) else {
        error!("request from CloudFormation has no ResponseURL");
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
                info!(status = ?answer.status, "responded to CloudFormation");
                return Ok(());
            }
            Err(fault) => error!(attempt, %fault, "the response could not be sent to CloudFormation"),
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(Failure("the response could not be sent to CloudFormation".to_owned()))
}

/// The response to an invalid request, built from the fields that can be read.
fn unreadable(event: &Value, fault: &serde_json::Error) -> ResourceAnswer {
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    ResourceAnswer {
        status: Status::Failed,
        reason: Some(format!("the request is invalid: {fault}")),
        stack_id: text("StackId"),
        request_id: text("RequestId"),
        logical_resource_id: text("LogicalResourceId"),
        physical_resource_id: event["PhysicalResourceId"].as_str().unwrap_or(NOT_MADE).to_owned(),
        data: BTreeMap::new(),
    }
}

/// Sends a body to a URL with `PUT`.
async fn put(address: &str, body: &str) -> Result<(), Failure> {
    // No content type is sent, because the URL is signed for a request without one.
    let (client, body) = (Client::for_configured_urls(RESPONSE_BYTES), body.to_owned().into());
    let response = client.send(Method::PUT, address, HeaderMap::new(), body, PATIENCE).await;
    let response = response.map_err(|fault| Failure(with_causes(&fault)))?;
    if response.status.is_success() {
        return Ok(());
    }
    Err(Failure(format!("CloudFormation responded {}", response.status.as_u16())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// The properties of the tests' resource.
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

    /// Waits for requests, responds to each with the next status, and returns the requests.
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

    /// Whether the body is as long as its `Content-Length`.
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
            (event("Create", "panic", ""), "the handler panicked"),
            (without, "the properties are invalid: missing field `name`"),
            (unknown, "the request is invalid: unknown variant `Rename`"),
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
            (Status::Failed, Some("the change took longer than 30 seconds"))
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
