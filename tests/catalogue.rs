//! What the component says of itself: its manifest, the schema of a connection,
//! its operations and their schemas, held against the data they are made from
//! and against what the component does.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stripe_harness::catalogue::{ApiGeneration, OperationFilter, OperationKind};
use stripe_harness::{Case, HostOptions, Instances};

use crate::support::{KEY, Server, allowing, connected, failed, plugin};

/// No filter at all.
const ALL: OperationFilter = OperationFilter {
    text: None,
    resource: None,
    kind: None,
};

/// The rows of the table, as text: operation, verb, path, flags.
fn rows() -> BTreeMap<String, (String, String, Vec<String>)> {
    include_str!("../plugin/catalogue/operations.txt")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let mut columns = line.split_whitespace().map(str::to_owned);
            let mut next = || columns.next().unwrap();
            let (name, verb, path) = (next(), next(), next());
            (name, (verb, path, columns.collect()))
        })
        .collect()
}

#[tokio::test]
async fn the_manifest_says_what_the_component_is() {
    let plugin = plugin(&[]);
    let manifest = plugin.manifest().await.unwrap();
    assert_eq!(manifest.id, "lowcode:stripe");
    assert_eq!(manifest.interfaces, plugin.exports());
    let imports = plugin.imports();
    for capability in &manifest.capabilities {
        let versioned = format!("{capability}@");
        assert!(
            imports.iter().any(|import| import.starts_with(&versioned)),
            "{capability} is not imported"
        );
    }
    let table = include_str!("../plugin/catalogue/operations.txt");
    for fact in [&manifest.api_version, &manifest.client_version] {
        assert!(table.contains(fact.as_str()), "{fact}");
    }
    let wit = include_str!("../wit/world.wit");
    assert!(wit.contains(&format!("package lowcode:stripe@{};", manifest.wit_version)));
    // Every host that a row of the table names, and no other.
    let mut hosts: Vec<String> = rows()
        .values()
        .flat_map(|(_, _, flags)| flags)
        .filter_map(|flag| flag.strip_prefix("base="))
        .map(|base| format!("{}.stripe.com", base.replace('_', "-")))
        .chain(["api.stripe.com".to_owned()])
        .collect();
    hosts.sort();
    hosts.dedup();
    let mut said = manifest.hosts.clone();
    said.sort();
    assert_eq!(said, hosts);
    assert!(manifest.icon.starts_with("<svg xmlns=") && manifest.icon.ends_with("</svg>"));
    assert!(!manifest.icon.contains("script") && !manifest.icon.contains("href"));
    assert_eq!(manifest.licence, "Apache-2.0");
}

#[tokio::test]
async fn every_row_of_the_table_is_an_operation() {
    let found = plugin(&[]).operations(&ALL).await.unwrap();
    let rows = rows();
    assert_eq!((found.len(), rows.len()), (677, 677));
    assert!(found.is_sorted_by(|a, b| (&a.resource, &a.method) < (&b.resource, &b.method)));
    for operation in found {
        let name = &operation.name;
        let (verb, path, flags) = &rows[name];
        let flag = |name: &str| flags.iter().any(|flag| flag == name);
        assert_eq!(
            *name,
            format!("{}.{}", operation.resource, operation.method)
        );
        assert_eq!((&operation.verb, &operation.path), (verb, path), "{name}");
        let inserted: Vec<String> = operation
            .positional
            .iter()
            .map(|n| format!("{{{n}}}"))
            .collect();
        let braces = path.split('/').filter(|part| part.starts_with('{'));
        assert_eq!(inserted, braces.collect::<Vec<_>>(), "{name}");
        assert_eq!(operation.search, flag("search"), "{name}");
        assert_eq!(
            operation.paginated,
            flag("list") || flag("search"),
            "{name}"
        );
        assert_eq!(
            operation.deprecated,
            flag("deprecated") || flag("legacy"),
            "{name}"
        );
        assert_eq!(operation.alias, flag("alias"), "{name}");
        let v2 = path.starts_with("/v2/");
        assert_eq!(operation.api == ApiGeneration::V2, v2, "{name}");
        let harmless = verb == "GET" || (verb == "DELETE" && !v2);
        assert_eq!(operation.idempotent, harmless, "{name}");
        assert!(
            operation.docs_url.starts_with("https://docs.stripe.com/"),
            "{name}"
        );
        assert!(
            operation.title.contains(": "),
            "{name}: {}",
            operation.title
        );
    }
}

/// The first words of all methods that POST, each judged by a person. A word
/// that is new fails here, to be judged.
#[tokio::test]
async fn what_a_call_does_is_judged_for_every_method() {
    const WRITES: &str = "accept acknowledge activate add advance apply approve attach capture \
        collect confirm create credit deliver enable fail finalize fund increment mark migrate pause \
        pay ping post present process reactivate recipient refresh refund report respond resume \
        return reverse send set ship submit subscribe succeed timeout token unarchive unreject \
        update validate verify";
    const ENDS: &str = "archive cancel close deactivate deauthorize decline delete detach disable \
        disconnect expire redact reject release remove uninstall unsubscribe void";
    for operation in plugin(&[]).operations(&ALL).await.unwrap() {
        let first: String = operation
            .method
            .chars()
            .take_while(char::is_ascii_lowercase)
            .collect();
        let expected = match operation.verb.as_str() {
            "GET" => OperationKind::Read,
            "DELETE" => OperationKind::Destructive,
            _ if WRITES.split_whitespace().any(|word| word == first) => OperationKind::Write,
            _ if ENDS.split_whitespace().any(|word| word == first) => OperationKind::Destructive,
            _ => panic!("{}: what does {first} do?", operation.name),
        };
        assert_eq!(operation.kind, expected, "{}", operation.name);
    }
}

#[tokio::test]
async fn a_filter_that_matches_nothing_names_the_nearest() {
    let plugin = plugin(&[]);
    let filter = OperationFilter {
        text: Some("customerss".to_owned()),
        ..ALL
    };
    let error = failed(plugin.operations(&filter).await);
    assert_eq!(error.case, Case::Permanent);
    assert_eq!(error.failure.type_, "argument_error");
    assert!(error.failure.message.contains("customers"), "{error}");
    let error = failed(plugin.describe_operation("customer", "create").await);
    assert!(
        error
            .failure
            .message
            .contains("did you mean customers.create"),
        "{error}"
    );
    let error = failed(plugin.validate_args("customers", "crate", "[]").await);
    assert!(
        error
            .failure
            .message
            .contains("did you mean customers.create"),
        "{error}"
    );
    let error = failed(plugin.validate_args("customers", "create", "[").await);
    assert_eq!(error.failure.path.as_deref(), Some("args"));
}

/// Fuel that describing one operation may take, the largest included.
const MAX_DESCRIBE_FUEL: u64 = 25_000_000;

#[tokio::test]
async fn every_method_is_described_by_a_valid_schema_at_little_cost() {
    let options = HostOptions {
        max_fuel: Some(MAX_DESCRIBE_FUEL),
        ..HostOptions::default()
    };
    let found = plugin(&[]).operations(&ALL).await.unwrap();
    let plugin = stripe_harness::Plugin::load(&crate::support::component(), options).unwrap();
    let mut described = 0;
    for operation in found {
        let name = &operation.name;
        let text = plugin
            .describe_operation(&operation.resource, &operation.method)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let schema: Value = serde_json::from_str(&text).unwrap();
        if let Err(error) = jsonschema::draft202012::meta::validate(&schema) {
            panic!("{name}: {error}");
        }
        // Every reference leads somewhere.
        jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
        let items = schema["prefixItems"].as_array().unwrap();
        assert_eq!(items.len(), operation.positional.len() + 2, "{name}");
        assert_eq!(schema["$defs"]["params"]["type"], "object", "{name}");
        described += 1;
    }
    assert_eq!(described, 677);
    let raw = plugin.describe_operation("", "rawRequest").await.unwrap();
    let raw: Value = serde_json::from_str(&raw).unwrap();
    let raw = jsonschema::draft202012::new(&raw).unwrap();
    assert!(raw.is_valid(&json!(["POST", "/v1/x", {"a": 1}, {"idempotencyKey": "k"}])));
    assert!(!raw.is_valid(&json!(["PUT", "/v1/x"])));
    assert!(!raw.is_valid(&json!(["GET", "//evil.example"])));
}

#[tokio::test]
async fn a_schema_tells_names_types_required_words_nesting_and_null() {
    let plugin = plugin(&[]);
    let text = plugin
        .describe_operation("customers", "createTaxId")
        .await
        .unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(schema["prefixItems"][0]["title"], "ID");
    let params = &schema["$defs"]["params"];
    assert_eq!(params["required"], json!(["type", "value"]));
    let kind = &params["properties"]["type"]["anyOf"];
    let words = kind[0]["enum"].as_array().unwrap();
    assert!(words.contains(&json!("eu_vat")) && kind[1]["type"] == "string");

    let text = plugin
        .describe_operation("customers", "create")
        .await
        .unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let properties = &schema["$defs"]["params"]["properties"];
    assert_eq!(
        properties["balance"],
        json!({"title": "Balance", "type": "number"})
    );
    assert_eq!(
        properties["business_name"]["type"],
        json!(["string", "null"])
    );
    let settings = &properties["invoice_settings"];
    assert_eq!(settings["title"], "Invoice settings");
    assert_eq!(settings["properties"]["footer"]["type"], "string");
    let metadata = properties["metadata"].to_string();
    assert!(metadata.contains("additionalProperties"), "{metadata}");

    // A shape that occurs twice is written once.
    let text = plugin
        .describe_operation("paymentIntents", "create")
        .await
        .unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        schema["$defs"]["params"]["required"],
        json!(["amount", "currency"])
    );
    assert!(schema["$defs"].as_object().unwrap().len() > 2);
    assert!(
        schema.to_string().len() < 150_000,
        "{}",
        schema.to_string().len()
    );
}

/// What `parse-connection` says of properties, the schema says too.
#[tokio::test]
async fn the_connection_schema_accepts_what_a_connection_may_be() {
    let plugin = plugin(&[]);
    let text = plugin.connection_schema().await.unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let cases = [
        json!({}),
        json!({"apiVersion": "2017-12-14", "timeout": 1000, "maxNetworkRetries": 0}),
        json!({"telemetry": false, "stripeAccount": "acct_1", "totalTimeout": 5000}),
        json!({"appInfo": {"name": "shop", "partner_id": "pp"}, "headers": {"x-a": "b"}}),
        json!({"appInfo": {}}),
        json!({"appInfo": {"name": "a", "partner_id": "p", "partnerId": "p"}}),
        json!({"apiversion": "x"}),
        json!({"apiVersion": 2017}),
        json!({"apiVersion": ""}),
        json!({"apiVersion": " a"}),
        json!({"timeout": 0}),
        json!({"timeout": 1.5}),
        json!({"timeout": 4_294_967_296u64}),
        json!({"timeout": "80000"}),
        json!({"maxNetworkRetries": -1}),
        json!({"telemetry": "no"}),
        json!({"telemetry": null}),
        json!({"stripeAccount": "a", "stripeContext": "b"}),
        json!({"stripeContext": "workspace_1/acct_1"}),
        json!({"auth": {"token": "k"}}),
        json!({"serviceUrl": "https://x.example/stripe"}),
        json!({"baseUrl": "https://a.example", "serviceUrl": "https://a.example"}),
        json!({"baseUrl": "http://127.0.0.1:12111"}),
        json!({"baseUrl": "https://[::1]:8080/x"}),
        json!({"baseUrl": "ftp://x.example"}),
        json!({"baseUrl": "https://user@x.example"}),
        json!({"baseUrl": "https://x.example/?a=1"}),
        json!({"baseUrl": "https://"}),
        json!({"retryConfig": {"count": 3, "interval": 0.5, "backOffFactor": 2.0}}),
        json!({"retryConfig": {"count": 3}, "maxNetworkRetries": 1}),
        json!({"retryConfig": {"interval": 1}, "maxNetworkRetries": 1}),
        json!({"retryConfig": {"statusCodes": [429, 502], "maxWaitInterval": 20.25}}),
        json!({"retryConfig": {"statusCodes": [99]}}),
        json!({"retryConfig": {"interval": -1}}),
        json!({"retryConfig": {"backOffFactor": 0.5}}),
        json!({"retryConfig": {"backOffFactor": 1001}}),
        json!({"retryConfig": {"backoff": 1}}),
        json!({"headers": {"x-shop": 3, "x-none": null}}),
        json!({"headers": {"Authorization": "x"}}),
        json!({"headers": {"idempotency-key": "x"}}),
        json!({"headers": {"a b": "x"}}),
        json!({"headers": {"a": " x"}}),
        json!({"headers": {"a": []}}),
        json!({"headers": []}),
        json!({"maxRequestBytes": 1, "maxResponseBytes": 1}),
        json!({"maxRequestBytes": 0}),
        json!({"validation": "strict"}),
        json!({"validation": false}),
        json!({"validation": true}),
        json!({"validation": "maybe"}),
        json!({"mode": "prod"}),
        json!({"keyMode": "test"}),
        json!({"keyMode": "prod"}),
        json!({"maxAmount": {"eur": 100, "*": 0}}),
        json!({"maxAmount": {"**": 1}}),
        json!({"maxAmount": {"EUR": 1}}),
        json!({"maxAmount": {"eur": 1.5}}),
        json!({"allow": "customers.*"}),
        json!({"webhookSecrets": ["whsec_1"], "webhookTolerance": 0}),
        json!({"webhookSecrets": "whsec_1"}),
        json!({"webhookTolerance": -1}),
        json!({"httpVersion": "1.1"}),
        json!({"httpVersion": "3"}),
        json!({"proxy": {"host": "p", "port": 8080, "userName": "u", "password": "w"}}),
        json!({"proxy": {"host": "p", "port": 70000}}),
        json!({"proxy": {"port": 1}}),
        json!({"secureSocket": {"enable": true, "cert": "ca.pem", "handshakeTimeout": 2.5,
            "key": {"certFile": "c.pem", "keyFile": "k.pem"}, "shareSession": false,
            "protocol": {"name": "TLS", "versions": ["TLSv1.3"]},
            "certValidation": {"type": "OCSP_STAPLING", "cacheSize": 50}}}),
        json!({"secureSocket": {"cert": {"path": "p"}}}),
        json!({"secureSocket": {"cert": {"path": "p", "password": "w"}}}),
        json!({"secureSocket": {"key": {"certFile": "c"}}}),
        json!({"secureSocket": {"protocol": {"name": "TCP"}}}),
        json!({"secureSocket": {"verifyHostname": false}}),
    ];
    let (mut accepted, mut refused) = (0, 0);
    for mut properties in cases {
        if properties.get("auth").is_none() {
            properties["secretKey"] = json!(KEY);
        }
        let parsed = match plugin.parse_connection(&properties.to_string()).await {
            Ok(_) => true,
            // The component took it: it is this host that does not.
            Err(error) => error.to_string().contains("does not take"),
        };
        assert_eq!(validator.is_valid(&properties), parsed, "{properties}");
        *(if parsed { &mut accepted } else { &mut refused }) += 1;
    }
    assert!(accepted > 20 && refused > 30, "{accepted} {refused}");
    // A placeholder in the place of the key is no reason to refuse.
    for key in [
        "${{ secrets.STRIPE }}",
        "vault:stripe/key",
        "obelisk-secret-1",
    ] {
        let properties = json!({"secretKey": key.replace(' ', "")});
        assert!(validator.is_valid(&properties), "{key}");
    }
    for key in ["", "a b", "sk_test_1\n"] {
        assert!(!validator.is_valid(&json!({"secretKey": key})), "{key:?}");
    }
}

/// Every property of the annotated example is one of the schema, with the same
/// default where the example shows the default.
#[tokio::test]
async fn the_connection_schema_knows_the_properties_of_the_example() {
    let text = plugin(&[]).connection_schema().await.unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let example = include_str!("../examples/connection.yaml");
    let properties = schema["properties"].as_object().unwrap();
    let mut seen = 0;
    for line in example.lines().filter(|line| line.starts_with("      ")) {
        let line = line[6..].trim_start_matches("# ");
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if !name.chars().all(|c| c.is_ascii_alphanumeric()) || !line.starts_with(char::is_lowercase)
        {
            continue;
        }
        let Some(property) = properties.get(name) else {
            continue;
        };
        seen += 1;
        if let (Some(default), Ok(shown)) = (property.get("default"), value.trim().parse::<u64>()) {
            assert_eq!(*default, json!(shown), "{name}");
        }
    }
    assert!(seen > 12, "{seen}");
    assert_eq!(properties["secretKey"]["writeOnly"], true);
    assert_eq!(properties["secretKey"]["format"], "password");
}

#[tokio::test]
async fn strict_refuses_with_every_problem_before_anything_is_sent() {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({"validation": "strict"})).await;
    let args = json!([{"e_mail": "a@b.c", "balance": [1], "tax": {"ip": "x"}}]).to_string();
    let error = failed(
        plugin
            .request(&connection, "customers", "create", &args)
            .await,
    );
    assert_eq!((error.case, error.failure.attempts), (Case::Permanent, 0));
    assert_eq!(error.failure.type_, "argument_error");
    assert_eq!(error.failure.path.as_deref(), Some("args[0].e_mail"));
    let message = &error.failure.message;
    for said in [
        "3 problems",
        "did you mean \"email\"?",
        "/0/balance",
        "/0/tax/ip",
    ] {
        assert!(message.contains(said), "{message}");
    }
    let nested = json!({"customers": {"create": {"e_mail": "a@b.c"}}}).to_string();
    let error = failed(plugin.stripe_request(&connection, &nested).await);
    let place = "properties.customers.create.e_mail";
    assert_eq!(error.failure.path.as_deref(), Some(place));
    failed(plugin.plan(&connection, "customers", "create", &args).await);
    let list = json!([{"e_mail": "a@b.c"}]).to_string();
    let listed = plugin.list_all(&connection, "customers", "list", &list, 10);
    let error = failed(listed.await);
    assert_eq!(error.failure.path.as_deref(), Some("args[0].e_mail"));
    assert!(server.arrived().is_empty());
    // What is right is sent.
    let args = json!([{"email": "a@b.c", "metadata": {"paid": true}}]).to_string();
    plugin
        .request(&connection, "customers", "create", &args)
        .await
        .unwrap();
    assert_eq!(server.arrived().len(), 1);
}

/// An instance that is kept tells its findings again and again.
#[tokio::test]
async fn warn_sends_and_off_does_not_look() {
    for level in ["warn", "off"] {
        let server = Server::start(Vec::new()).await;
        let (_, connection) = connected(&server, json!({"validation": level})).await;
        let options = HostOptions {
            policy: allowing(&[server.url()]),
            instances: Instances::Reused { max_idle: 1 },
            ..HostOptions::default()
        };
        let plugin = plugin(&[]).with_options(options).unwrap();
        for _ in 0..3 {
            let args = r#"[{"e_mail": "a@b.c"}]"#;
            plugin
                .request(&connection, "customers", "create", args)
                .await
                .unwrap();
        }
        assert_eq!(server.arrived().len(), 3, "{level}");
    }
}
