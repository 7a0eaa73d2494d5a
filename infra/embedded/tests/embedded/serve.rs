//! The HTTP endpoint for other programs.

use embedded::TABLE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{item, memory};

/// Posts a body as any client would and returns the whole answer.
async fn post(address: std::net::SocketAddr, path: &str, target: &str, body: &str) -> String {
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nx-amz-target: {target}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn other_clients_see_the_same_table_and_queues() {
    let (embedded, _) = memory();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(embedded::serve(listener, embedded.backend()));
    let client = embedded::dynamodb(embedded.backend());
    client
        .put_item()
        .table_name(TABLE)
        .set_item(Some(item("a", "1", &[("state", "open")])))
        .send()
        .await
        .unwrap();

    let key = r#"{"TableName":"firebell","Key":{"pk":{"S":"a"},"sk":{"S":"1"}}}"#;
    let got = post(address, "/", "DynamoDB_20120810.GetItem", key).await;
    let body = r#"{"QueueUrl":"http://anywhere:1/queue/work","MessageBody":"hi"}"#;
    let sent = post(address, "/queue/work", "AmazonSQS.SendMessage", body).await;
    let lost = r#"{"QueueUrl":"http://anywhere:1/queue/wrok","MessageBody":"hi"}"#;
    let lost = post(address, "/", "AmazonSQS.SendMessage", lost).await;
    let odd = post(address, "/", "AmazonSNS.Publish", "{}").await;
    server.abort();

    assert!(got.starts_with("HTTP/1.1 200") && got.contains(r#""state":{"S":"open"}"#), "{got}");
    assert!(sent.starts_with("HTTP/1.1 200") && sent.contains("MD5OfMessageBody"), "{sent}");
    assert_eq!(embedded.queues().receive("work", 1).unwrap()[0].body, "hi");
    assert!(lost.starts_with("HTTP/1.1 400"), "{lost}");
    assert!(lost.contains("x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender"), "{lost}");
    assert!(odd.starts_with("HTTP/1.1 400") && odd.contains("UnknownOperationException"), "{odd}");
}
