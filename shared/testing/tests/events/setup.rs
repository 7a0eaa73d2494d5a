//! What a deployment asks for.

use domain::api_key::hash as api_key_hash;
use runtime::{BoxFuture, Function, serve_resource};
use serde_json::{Value, json};
use testing::fixture::{API_KEY, Fixture};
use testing::invoke::Invoked;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{EventCase, Given, read};

pub(crate) const CASES: &[EventCase] = &[
    EventCase { event: "setup/create", given: Given::Nothing, then: sets_up },
    EventCase { event: "setup/create-without-address", given: Given::Nothing, then: says_what_is_wrong },
    EventCase { event: "setup/delete", given: Given::Rules, then: keeps_everything },
    EventCase { event: "setup/update", given: Given::Rules, then: changes_nothing },
];

fn sets_up<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["Status"], "SUCCESS", "{}", invoked.answer);
        let store = &fixture.context.store;
        let org = store.home().await.unwrap().expect("there is an organisation");
        assert_eq!(invoked.answer["PhysicalResourceId"], org.to_string());
        let org = store.org(org).await.unwrap().unwrap();
        let owner = store.user(org.id, org.owner).await.unwrap().unwrap();
        assert_eq!((&*owner.email, org.fallback), ("olive@example.com", owner.id));
        let holder = store.key_holder(&api_key_hash(API_KEY)).await.unwrap().expect("the key is known");
        assert_eq!(invoked.answer["Data"]["ApiKeyId"], holder.id.to_string());
        assert!(!invoked.answer.to_string().contains(API_KEY), "the key is in the answer");
    })
}

fn says_what_is_wrong<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["Status"], "FAILED");
        assert!(
            invoked.answer["Reason"].as_str().unwrap().starts_with("owner_email: "),
            "{}",
            invoked.answer
        );
        assert!(fixture.context.store.home().await.unwrap().is_none());
    })
}

fn changes_nothing<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["Status"], "SUCCESS", "{}", invoked.answer);
        assert_eq!(invoked.answer["PhysicalResourceId"], fixture.org.to_string());
        assert!(fixture.context.store.person("someone.else@example.com").await.unwrap().is_none());
    })
}

fn keeps_everything<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["Status"], "SUCCESS", "{}", invoked.answer);
        assert_eq!(fixture.context.store.home().await.unwrap(), Some(fixture.org));
        assert!(fixture.context.store.key_holder(&api_key_hash(API_KEY)).await.unwrap().is_some());
    })
}

/// Hands an event to the function as CloudFormation does, and returns what it put to the address given.
async fn deploy(fixture: &Fixture, event: &str) -> Value {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut event: Value = serde_json::from_str(&read(event)).unwrap();
    event["ResponseURL"] = json!(format!("http://{}/answer", listener.local_addr().unwrap()));
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut request, mut answer) = (String::new(), None);
        while answer.is_none() {
            let mut bytes = [0; 4096];
            let read = stream.read(&mut bytes).await.unwrap();
            request.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
            answer = request.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await.unwrap();
        assert!(request.starts_with("PUT /answer "), "{request}");
        answer.unwrap()
    });
    let (context, _) = fixture.context_of("setup").unwrap();
    let Function::Resource(handle) = setup::function(context) else { panic!("it is started otherwise") };
    serve_resource(&handle, event).await.unwrap();
    heard.await.unwrap()
}

#[tokio::test]
async fn a_deployment_is_answered_and_doing_it_again_makes_no_second_key() {
    let fixture = Fixture::empty().unwrap();

    let first = deploy(&fixture, "setup/create").await;
    let second = deploy(&fixture, "setup/create").await;

    assert_eq!((&first["Status"], &second["Status"]), (&json!("SUCCESS"), &json!("SUCCESS")));
    assert!(first["Data"]["ApiKeyId"].is_string());
    assert_eq!(first["Data"], second["Data"]);
    assert_eq!(first["PhysicalResourceId"], second["PhysicalResourceId"]);
    assert_eq!(first["LogicalResourceId"], "Organisation");
}

#[tokio::test]
async fn a_deployment_that_cannot_be_is_answered_too() {
    let fixture = Fixture::empty().unwrap();

    let answer = deploy(&fixture, "setup/create-without-address").await;

    assert_eq!(answer["Status"], "FAILED");
    assert!(answer["Reason"].as_str().unwrap().contains("not a valid email address"), "{answer}");
}

#[tokio::test]
async fn an_organisation_that_outlived_its_stack_is_reached_by_the_new_key() {
    let fixture = Fixture::empty().unwrap();
    let (store, random) = (&fixture.context.store, &fixture.context.random);
    let before = app::org::create::NewOrg {
        name: "Before".to_owned(),
        owner_name: "Olive Owner".to_owned(),
        owner_email: "olive@example.com".to_owned(),
        api_key: None,
    };
    app::org::create::create(store, &fixture.context.seal, &before, random, fixture.now()).await.unwrap();
    let org = store.home().await.unwrap().unwrap();

    let answer = deploy(&fixture, "setup/create").await;

    assert_eq!(
        (&answer["Status"], &answer["PhysicalResourceId"]),
        (&json!("SUCCESS"), &json!(org.to_string()))
    );
    assert_eq!(store.key_holder(&api_key_hash(API_KEY)).await.unwrap().unwrap().org, org);
}
