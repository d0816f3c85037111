//! `NextToken`.

use serde_json::{Value, json};

use crate::echo::LISTED;
use crate::http::Server;
use crate::samples::{BACKUP, CLUSTER};

/// Pages through a list and gives the tokens seen.
fn walk(server: &Server, operation: &str, list: &str, request: &Value) -> Vec<String> {
    let (mut tokens, mut items) = (Vec::new(), 0);
    let mut request = request.clone();
    loop {
        let answer = server.json(operation, &request).json();
        items += answer[list].as_array().unwrap().len();
        match answer.get("NextToken") {
            // Absent, not empty and not null: that is what scripts look at.
            None => break,
            Some(token) => tokens.push(token.as_str().unwrap().to_owned()),
        }
        request["NextToken"] = json!(tokens.last());
    }
    assert_eq!(items, usize::try_from(LISTED).unwrap(), "{operation}");
    tokens
}

#[test]
fn lists_end_without_a_token() {
    let server = Server::start();
    let filters = json!({"clusterIds": [CLUSTER]});
    let backups = json!({"MaxResults": 2, "SortAscending": true, "Filters": filters});
    assert_eq!(walk(&server, "DescribeBackups", "Backups", &backups).len(), 3);
    assert_eq!(walk(&server, "DescribeClusters", "Clusters", &json!({"MaxResults": 7})).len(), 0);
    assert_eq!(walk(&server, "DescribeClusters", "Clusters", &json!({"MaxResults": 6})).len(), 1);
    assert_eq!(
        walk(&server, "ListTags", "TagList", &json!({"MaxResults": 1, "ResourceId": BACKUP})).len(),
        6
    );
    let asked = server.echo.last().1;
    assert!(asked.contains("id: \"item 6\""), "{asked}");
}

/// A token is good for its list only, and none of its characters may change.
#[test]
fn tokens_of_another_list() {
    let server = Server::start();
    let request = json!({"MaxResults": 2, "SortAscending": true});
    let token = server.json("DescribeBackups", &request).json()["NextToken"].as_str().unwrap().to_owned();
    assert!(token.len() <= 256);
    let refused = |operation: &str, request: Value| {
        let count = server.echo.count();
        let (name, message) = server.json(operation, &request).error();
        assert_eq!(name, "CloudHsmInvalidRequestException", "{request}");
        assert!(message.contains("NextToken"), "{message}");
        assert_eq!(server.echo.count(), count);
    };
    let accepted = json!({"MaxResults": 3, "SortAscending": true, "NextToken": token});
    assert_eq!(server.json("DescribeBackups", &accepted).status, 200);
    refused("DescribeBackups", json!({"SortAscending": false, "NextToken": token}));
    refused(
        "DescribeBackups",
        json!({"SortAscending": true, "Filters": {"clusterIds": ["x"]}, "NextToken": token}),
    );
    refused("DescribeClusters", json!({"NextToken": token}));
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'Q' } else { b'A' };
        refused(
            "DescribeBackups",
            json!({"SortAscending": true, "NextToken": String::from_utf8(changed).unwrap()}),
        );
        refused("DescribeBackups", json!({"SortAscending": true, "NextToken": token[..at]}));
    }
}
