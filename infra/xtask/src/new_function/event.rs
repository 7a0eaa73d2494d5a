//! An example event of a new function.

use serde_json::{Value, json};

use super::{NewFunction, Trigger};

/// An event as AWS sends it, without content of the function's own.
pub(super) fn example(new: &NewFunction) -> anyhow::Result<String> {
    let event = match new.trigger {
        Trigger::Http => request(new),
        Trigger::Sqs => {
            let body = json!({
                "schema": 1,
                "trace": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                "body": {},
            });
            json!({ "Records": [{
                "messageId": "5fea7756-0ea4-451a-a703-a558b933e270",
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
                "body": body.to_string(),
                "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1795435200000" },
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": format!("arn:aws:sqs:eu-west-1:123456789012:firebell-{}", new.name),
                "awsRegion": "eu-west-1",
            }] })
        }
        Trigger::Stream => json!({ "Records": [] }),
        Trigger::Schedule => json!({
            "version": "0",
            "id": "89d1a02d-5ec7-412e-82f5-13505f849b41",
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": "123456789012",
            "time": "2026-11-23T12:00:00Z",
            "region": "eu-west-1",
            "resources": [format!("arn:aws:scheduler:eu-west-1:123456789012:schedule/default/firebell-{}", new.name)],
            "detail": "{}",
        }),
    };
    Ok(serde_json::to_string_pretty(&event)? + "\n")
}

/// A request as the API gateway sends it.
fn request(new: &NewFunction) -> Value {
    let (_, key) = new.routes().swap_remove(0);
    let (method, path) = key.split_once(' ').unwrap_or(("GET", "/"));
    let method = if method == "ANY" { "GET" } else { method };
    json!({
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "host": "abcdefghij.execute-api.eu-west-1.amazonaws.com" },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdefghij",
            "domainName": "abcdefghij.execute-api.eu-west-1.amazonaws.com",
            "domainPrefix": "abcdefghij",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "example",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": key,
            "stage": "$default",
            "time": "23/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1_795_435_200_000_u64,
        },
        "isBase64Encoded": false,
    })
}
