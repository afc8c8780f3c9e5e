//! What the component costs, in figures that repeat exactly: its size, and the
//! wasm instructions (wasmtime's fuel units) of some kinds of call.
//!
//! `cargo bench -p stripe-harness --bench cost`

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use stripe_harness::{HostOptions, Plugin, component};

/// Calls that are measured: a name, and what is called.
const CALLS: [(&str, &str, &str, &str); 6] = [
    ("list, no params", "customers", "list", "null"),
    (
        "retrieve",
        "customers",
        "retrieve",
        r#"["cus_NffrFeUfNV2Hib"]"#,
    ),
    (
        "create, 3 keys",
        "paymentIntents",
        "create",
        r#"[{"amount":2000,"currency":"eur","customer":"cus_1"}]"#,
    ),
    (
        "create, 20 keys, nested",
        "checkout.sessions",
        "create",
        NESTED,
    ),
    (
        "create with options",
        "customers",
        "create",
        r#"[{"email":"a@b.c"},{"idempotencyKey":"order-17","stripeAccount":"acct_1"}]"#,
    ),
    (
        "v2 create",
        "v2.core.accounts",
        "create",
        r#"[{"contact_email":"a@b.c","display_name":"Ada"}]"#,
    ),
];

const NESTED: &str = r#"[{"mode":"payment","success_url":"https://shop.example/done?session={CHECKOUT_SESSION_ID}","cancel_url":"https://shop.example/cart","customer":"cus_NffrFeUfNV2Hib","client_reference_id":"order-6735","locale":"de","line_items":[{"price":"price_1MoBy5LkdIwHu7ixZhnattbh","quantity":2},{"price_data":{"currency":"eur","unit_amount":1999,"product_data":{"name":"T-shirt & socks"}},"quantity":1}],"metadata":{"order_id":"6735","source":"low-code app"},"payment_intent_data":{"description":"Order 6735","capture_method":"manual"},"phone_number_collection":{"enabled":true},"expand":["line_items"],"automatic_tax":{"enabled":false}}]"#;

#[allow(clippy::print_stderr)]
fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stdout)]
fn run() -> Result<()> {
    let component = component::locate(None)?.read()?;
    println!("stripe.wasm: {} bytes", component.len());
    let options = HostOptions {
        max_fuel: Some(1_000_000_000),
        ..HostOptions::default()
    };
    let plugin = Plugin::load(&component, options)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let connection = plugin
            .parse_connection(r#"{"secretKey":"sk_test_0123456789abcdef"}"#)
            .await?;
        println!("{:<28} {:>10}", "plan of", "fuel units");
        for (name, resource, method, args) in CALLS {
            let cost = plugin
                .cost_of_plan(&connection, resource, method, args)
                .await
                .with_context(|| name.to_owned())?;
            println!("{name:<28} {cost:>10}");
        }
        Ok(())
    })
}
