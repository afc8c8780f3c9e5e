//! Every method of the table can be called.

use serde_json::{Value, json};
use stripe_harness::types::Planned;

use crate::support::{KEY, plugin};

/// The rows of the table, as text: operation, verb, path, flags.
fn rows() -> Vec<(String, String, String, Vec<String>)> {
    include_str!("../plugin/catalogue/operations.txt")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let mut columns = line.split_whitespace().map(str::to_owned);
            let mut next = || columns.next().unwrap();
            let (name, verb, path) = (next(), next(), next());
            (name, verb, path, columns.collect())
        })
        .collect()
}

#[tokio::test]
async fn every_method_is_planned_as_the_table_says() {
    let plugin = plugin(&[]);
    let properties = json!({"secretKey": KEY, "clientId": "ca_1"});
    let connection = plugin
        .parse_connection(&properties.to_string())
        .await
        .unwrap();
    let rows = rows();
    assert_eq!(rows.len(), 677);
    for (name, verb, path, flags) in rows {
        let flag = |name: &str| flags.iter().any(|flag| flag == name);
        let (resource, method) = name.rsplit_once('.').unwrap();
        let mut args: Vec<Value> = path
            .split('{')
            .skip(1)
            .enumerate()
            .map(|(at, _)| json!(format!("id_{at}")))
            .collect();
        let mut expected = path.clone();
        for at in 0..args.len() {
            let (start, end) = (expected.find('{').unwrap(), expected.find('}').unwrap());
            expected.replace_range(start..=end, &format!("id_{at}"));
        }
        args.push(if flag("multipart") {
            json!({"purpose": "dispute_evidence", "file": {"data": "x"}})
        } else {
            json!({})
        });
        if flag("own-version") {
            args.push(json!({"apiVersion": "2026-10-28.endive"}));
        }
        let planned = plugin
            .plan(
                &connection,
                resource,
                method,
                &Value::Array(args).to_string(),
            )
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        match planned {
            Planned::Http(request) => {
                assert_eq!(request.method, verb, "{name}");
                let host = flags
                    .iter()
                    .find_map(|flag| flag.strip_prefix("base="))
                    .unwrap_or("api")
                    .replace('_', "-");
                assert_eq!(
                    request.url,
                    format!("https://{host}.stripe.com{expected}"),
                    "{name}"
                );
            }
            Planned::Local(url) => {
                assert!(flag("local"), "{name}");
                assert!(url.contains(&expected), "{name}: {url}");
            }
        }
    }
}

/// An object of nothing but options, in the params' place, is the options: so no
/// method may have a param of an option's name.
#[test]
fn no_param_has_the_name_of_an_option() {
    const OPTIONS: [&str; 11] = [
        "additionalHeaders",
        "apiBase",
        "apiKey",
        "apiVersion",
        "express",
        "headers",
        "idempotencyKey",
        "maxNetworkRetries",
        "stripeAccount",
        "stripeContext",
        "timeout",
    ];
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../plugin/catalogue/parameters"
    );
    let mut fields = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for block in text
            .split("\n\n")
            .filter(|block| block.starts_with("method "))
        {
            for line in block.lines().skip(1) {
                let name = line.trim().split([':', '?']).next().unwrap();
                assert!(!OPTIONS.contains(&name), "{block}");
                fields += 1;
            }
        }
    }
    assert!(fields > 1_000, "{fields} fields were seen");
}
