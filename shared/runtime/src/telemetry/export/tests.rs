//! A collector on this machine takes what is sent, or does not.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use axum::extract::Request;
use axum::routing::{get, post};
use domain::message::Envelope;
use domain::trace::Trace;
use http::StatusCode;
use tokio::net::TcpListener;
use tower::ServiceExt;
use tracing::{error, instrument};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::config::{Config, OTLP_ENDPOINT, OTLP_HEADERS, SENTRY_DSN};
use crate::{Delivery, Function, Tracing};

/// The requests that a collector received: path, headers, body.
type Sent = Arc<Mutex<Vec<(String, http::HeaderMap, String)>>>;

/// A collector that answers so, after so long.
async fn collector(status: u16, after: Duration) -> (String, Sent) {
    let sent = Sent::default();
    let kept = sent.clone();
    let take = move |request: Request| async move {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        kept.lock().unwrap().push((head.uri.path().to_owned(), head.headers, body));
        tokio::time::sleep(after).await;
        StatusCode::from_u16(status).unwrap()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async { axum::serve(listener, axum::Router::new().fallback(take)).await });
    (address, sent)
}

/// An exporter of both, to there.
fn exporter(address: &str) -> Arc<Exporter> {
    let config = Config::read(|name| match name {
        OTLP_ENDPOINT => Some(format!("http://{address}/")),
        OTLP_HEADERS => Some("x-api-key=collectors-key".to_owned()),
        SENTRY_DSN => Some(format!("http://sentrys-key@{address}/7")),
        "AWS_LAMBDA_FUNCTION_NAME" => Some("alert-handle".to_owned()),
        _ => None,
    });
    Exporter::of(&config.unwrap().telemetry).unwrap()
}

/// Exports what happens from here on.
fn exporting(exporter: &Arc<Exporter>) -> tracing::subscriber::DefaultGuard {
    let layer = exporter.layer().with_filter(LevelFilter::INFO);
    tracing::subscriber::set_default(tracing_subscriber::registry().with(layer))
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Broken(&'static str);

#[instrument(skip_all, fields(alert.id = "alert_1"))]
async fn verb(fault: Option<&'static str>) -> Result<(), Broken> {
    fault.map_or(Ok(()), |fault| Err(Broken(fault)))
}

/// A queue's function whose verb fails so, and what it was told the trace is.
fn consumer(fault: Option<&'static str>) -> (Function, Arc<Mutex<Option<Trace>>>) {
    let told = Arc::new(Mutex::new(None));
    let kept = told.clone();
    let function = crate::sqs(move |delivery: Delivery<u8>| {
        *kept.lock().unwrap() = Some(delivery.trace);
        verb(fault)
    });
    (function, told)
}

async fn consume(function: &Function, trace: &Trace) -> usize {
    let Function::Sqs(handle) = function else { panic!("a queue's function") };
    let mut message = SqsMessage::default();
    message.message_id = Some("m1".to_owned());
    message.body = Some(serde_json::to_string(&Envelope::new(trace.clone(), 1)).unwrap());
    let mut event = SqsEvent::default();
    event.records.push(message);
    handle(event).await.batch_item_failures.len()
}

/// The spans of everything that was sent.
fn spans(sent: &Sent) -> Vec<Value> {
    let sent = sent.lock().unwrap();
    let traces = sent.iter().filter(|(path, ..)| path == "/v1/traces");
    let bodies = traces.map(|(_, _, body)| serde_json::from_str::<Value>(body).unwrap());
    let each = bodies.map(|body| body["resourceSpans"][0]["scopeSpans"][0]["spans"].clone());
    each.flat_map(|spans| spans.as_array().unwrap().clone()).collect()
}

#[tokio::test]
async fn request_and_what_it_causes_are_one_trace_with_true_parents() {
    let (address, sent) = collector(200, Duration::ZERO).await;
    let exporter = exporter(&address);
    let _exporting = exporting(&exporter);
    let said: Arc<Mutex<Option<Trace>>> = Arc::default();
    let kept = said.clone();
    let route = post(move |axum::Extension(Tracing(trace)): axum::Extension<Tracing>| async move {
        *kept.lock().unwrap() = Some(trace);
        verb(None).await.unwrap();
    });
    let router = crate::observed(
        axum::Router::new().route("/in/{token}", route),
        crate::system_clock(),
        crate::system_random(),
    );
    let request = http::Request::post("/in/secret-token")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .body(axum::body::Body::empty())
        .unwrap();

    let answer = router.oneshot(request).await.unwrap();
    let queued = said.lock().unwrap().clone().unwrap();
    let (function, told) = consumer(None);
    consume(&function, &queued).await;
    exporter.flush().await;

    assert_eq!(answer.status(), 200);
    let spans = spans(&sent);
    let named = |name: &str| spans.iter().filter(|span| span["name"] == name).cloned().collect::<Vec<_>>();
    let (request, message, verbs) = (&named("POST /in/{token}")[0], &named("message")[0], named("verb"));
    assert_eq!(spans.len(), 4, "{spans:?}");
    assert!(spans.iter().all(|span| span["traceId"] == "4bf92f3577b34da6a3ce929d0e0e4736"), "{spans:?}");
    assert_eq!(request["parentSpanId"], "00f067aa0ba902b7");
    assert_eq!(verbs[0]["parentSpanId"], request["spanId"]);
    assert_eq!(message["parentSpanId"], request["spanId"]);
    assert_ne!(message["spanId"], request["spanId"]);
    assert_eq!(verbs[1]["parentSpanId"], message["spanId"]);
    assert_eq!(message["spanId"], told.lock().unwrap().as_ref().unwrap().span());
    assert_eq!((&request["kind"], &message["kind"]), (&2.into(), &5.into()));
    let sent = sent.lock().unwrap();
    assert_eq!(sent[0].1["x-api-key"], "collectors-key");
    assert!(!sent[0].2.contains("secret-token"), "a path was sent: {}", sent[0].2);
}

#[tokio::test]
async fn error_is_reported_with_its_trace_and_without_what_must_not_leave() {
    let (address, sent) = collector(200, Duration::ZERO).await;
    let exporter = exporter(&address);
    let _exporting = exporting(&exporter);
    let trace = Trace::begin(5);
    let fault = "mail to ada@example.com and https://hooks.example.com/T0/B0 with whsec_MfKQ9r8GKYqrTw or \
                 AbCdEfGhIjKlMnOpQr5tUvWx to +442079460000 failed";

    let (function, told) = consumer(Some(fault));
    let failures = consume(&function, &trace).await;
    exporter.flush().await;

    assert_eq!(failures, 1);
    assert!(told.lock().unwrap().is_some());
    let messages: Vec<_> = spans(&sent).into_iter().filter(|span| span["name"] == "message").collect();
    assert_eq!(messages[0]["status"]["code"], 2);
    let sent = sent.lock().unwrap();
    let envelopes: Vec<_> = sent.iter().filter(|(path, ..)| path == "/api/7/envelope/").collect();
    assert_eq!(envelopes.len(), 1, "one error was logged");
    let auth = envelopes[0].1["x-sentry-auth"].to_str().unwrap();
    assert!(auth.contains("sentry_key=sentrys-key"), "{auth}");
    let lines: Vec<&str> = envelopes[0].2.lines().collect();
    let event: Value = serde_json::from_str(lines[2]).unwrap();
    assert_eq!(event["contexts"]["trace"]["trace_id"], trace.id());
    assert_eq!((&event["tags"]["function"], &event["level"]), (&"alert-handle".into(), &"error".into()));
    assert!(event["release"].as_str().unwrap().starts_with("firebell@"), "{event}");
    for (_, _, body) in sent.iter() {
        for secret in ["example.com", "whsec_Mf", "AbCdEfGh", "4420794", "collectors-key", "sentrys-key"] {
            assert!(!body.contains(secret), "`{secret}` left in {body}");
        }
    }
}

#[tokio::test]
async fn whoever_does_not_take_it_costs_half_a_second_a_minute_and_no_failure() {
    let silent = collector(200, Duration::from_secs(60)).await.0;
    let refusing = collector(403, Duration::ZERO).await.0;
    let absent = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    };
    for address in [silent, refusing, absent] {
        let exporter = exporter(&address);
        let _exporting = exporting(&exporter);
        let (function, _) = consumer(None);

        let begun = Instant::now();
        for _ in 0..20 {
            assert_eq!(consume(&function, &Trace::begin(5)).await, 0);
            error!("an error as well");
            exporter.flush().await;
        }

        let took = begun.elapsed();
        assert!(took < WITHIN + Duration::from_millis(400), "{address}: {took:?}");
        let spans = exporter.spans.as_ref().unwrap().queue();
        assert!(spans.paused.is_some() && spans.waiting.len() == 38, "{}", spans.waiting.len());
    }
}

#[tokio::test]
async fn what_waits_is_bounded_and_goes_when_the_pause_is_over() {
    let (address, sent) = collector(200, Duration::ZERO).await;
    let exporter = exporter(&address);
    let _exporting = exporting(&exporter);
    let (function, _) = consumer(None);
    let way = exporter.spans.as_ref().unwrap();
    way.queue().paused = Some(Instant::now());

    for _ in 0..MOST_SPANS {
        consume(&function, &Trace::begin(5)).await;
    }
    exporter.flush().await;
    let during = spans(&sent).len();
    way.queue().paused = Instant::now().checked_sub(PAUSE);
    exporter.flush().await;

    assert_eq!((during, spans(&sent).len()), (0, MOST_SPANS));
    assert_eq!(way.queue().dropped, MOST_SPANS, "each message has two spans");
}

#[tokio::test]
async fn nothing_set_is_nothing_exported() {
    let config = Config::read(|_| None).unwrap();

    assert!(Exporter::of(&config.telemetry).is_none());
    let router = crate::observed(
        axum::Router::new().route("/", get(|| async {})),
        crate::system_clock(),
        crate::system_random(),
    );
    let answer = router.oneshot(Request::new(axum::body::Body::empty())).await.unwrap();
    assert!(answer.status().is_success() && crate::telemetry::BEFORE_FREEZE.get().is_none());
}
