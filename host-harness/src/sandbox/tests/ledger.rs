//! Money adds up, whatever is done to it: hundreds of random operations, many of them refused.

use super::super::SandboxOptions;
use super::super::ids::Ids;
use super::{Client, options};
use serde_json::Value;

struct Dice(Ids);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        let text = self.0.text(8);
        let number = text.bytes().fold(0usize, |sum, byte| {
            sum.wrapping_mul(61).wrapping_add(usize::from(byte))
        });
        number % sides
    }

    fn pick<'a>(&mut self, from: &'a [String]) -> &'a str {
        from.get(self.roll(from.len().max(1)))
            .map_or("none_1", String::as_str)
    }

    fn amount(&mut self) -> i64 {
        [1, 50, 99, 1234, 5000, 9999, 250_000][self.roll(7)]
    }
}

const METHODS: [&str; 13] = [
    "pm_card_visa",
    "pm_card_mastercard",
    "pm_card_amex",
    "pm_card_bypassPending",
    "pm_card_chargeDeclined",
    "pm_card_chargeDeclinedInsufficientFunds",
    "pm_card_authenticationRequired",
    "pm_card_nonsense",
    "pm_card_createDispute",
    "pm_card_createDisputeInquiry",
    "pm_usBankAccount_success",
    "pm_usBankAccount_insufficientFunds",
    "pm_usBankAccount_processing",
];

fn sum(objects: &[Value], field: &str) -> i64 {
    objects
        .iter()
        .map(|object| object[field].as_i64().unwrap())
        .sum()
}

/// The charge has its money: it is captured, and no debit that is still under way.
fn is_taken(charge: &Value) -> bool {
    charge["captured"] == true && charge["status"] == "succeeded"
}

/// What the balance must be, told from charges, refunds, payouts, top-ups and transfers alone.
fn expected(client: &Client) -> i64 {
    let all = |path: &str| client.all(path);
    let charges = all("/v1/charges");
    // The sandbox's tariff: 2.9 % and 30, to the nearest unit, of what was captured.
    let earned: i64 = charges
        .iter()
        .filter(|charge| is_taken(charge))
        .map(|charge| charge["amount_captured"].as_i64().unwrap())
        .map(|amount| amount - (amount as f64 * 0.029).round() as i64 - 30)
        .sum();
    let refunds = all("/v1/refunds");
    let captured = |refund: &&Value| {
        let charge = charges
            .iter()
            .find(|charge| charge["id"] == refund["charge"]);
        is_taken(charge.unwrap())
    };
    let refunded: i64 = refunds
        .iter()
        .filter(captured)
        .map(|refund| refund["amount"].as_i64().unwrap())
        .sum();
    for charge in &charges {
        let of_it = refunds
            .iter()
            .filter(|refund| refund["charge"] == charge["id"]);
        let of_it: i64 = of_it.map(|refund| refund["amount"].as_i64().unwrap()).sum();
        let amount = |field: &str| charge[field].as_i64().unwrap();
        // What was not captured of an authorization counts as given back.
        let released = if is_taken(charge) {
            amount("amount") - amount("amount_captured")
        } else {
            0
        };
        assert_eq!(amount("amount_refunded"), of_it + released, "{charge}");
        assert!(amount("amount_refunded") <= amount("amount"), "{charge}");
        assert_eq!(
            charge["refunded"] == true,
            amount("amount_refunded") == amount("amount"),
            "{charge}"
        );
    }
    let payouts = all("/v1/payouts");
    let paid_out: Vec<_> = payouts
        .into_iter()
        .filter(|payout| payout["status"] != "canceled")
        .collect();
    let transfers = all("/v1/transfers");
    // A dispute takes its charge and a fee of 15.00, unless it is won or was only asked about.
    let disputes = all("/v1/disputes");
    let taken = disputes.iter().filter(|dispute| {
        matches!(
            dispute["status"].as_str().unwrap(),
            "needs_response" | "under_review" | "lost"
        )
    });
    let taken: i64 = taken
        .map(|dispute| dispute["amount"].as_i64().unwrap() + 1500)
        .sum();
    let top_ups = all("/v1/topups");
    let arrived: Vec<_> = top_ups
        .into_iter()
        .filter(|top_up| top_up["status"] == "succeeded")
        .collect();
    earned - refunded - taken - sum(&paid_out, "amount") - sum(&transfers, "amount")
        + sum(&transfers, "amount_reversed")
        + sum(&arrived, "amount")
}

fn check(client: &Client) {
    let balance = client.get("/v1/balance").ok();
    let amount = |part: &str| balance[part][0]["amount"].as_i64().unwrap();
    let entries = client.all("/v1/balance_transactions");
    assert_eq!(amount("available") + amount("pending"), expected(client));
    assert_eq!(
        amount("available") + amount("pending"),
        sum(&entries, "net")
    );
    let pending: Vec<_> = entries
        .into_iter()
        .filter(|entry| entry["status"] == "pending")
        .collect();
    assert_eq!(amount("pending"), sum(&pending, "net"));
}

/// One random request; what it made is remembered.
fn step(client: &Client, dice: &mut Dice, made: &mut [Vec<String>; 6]) -> u16 {
    let amount = dice.amount();
    let [intents, charges, payouts, transfers, invoices, customers] = made;
    let method = METHODS[dice.roll(METHODS.len())];
    let (path, form) = match dice.roll(17) {
        0..=3 => {
            let capture = ["automatic", "manual"][dice.roll(2)];
            let form = format!(
                "amount={amount}&currency=usd&confirm=true&payment_method={method}\
                 &capture_method={capture}"
            );
            (String::from("/v1/payment_intents"), form)
        }
        4 => {
            let source = ["tok_visa", "tok_chargeDeclined", "tok_bypassPending"][dice.roll(3)];
            let capture = dice.roll(2) == 0;
            let form = format!("amount={amount}&currency=usd&source={source}&capture={capture}");
            (String::from("/v1/charges"), form)
        }
        5 => {
            let part = [String::new(), format!("amount_to_capture={amount}")][dice.roll(2)].clone();
            (
                format!("/v1/payment_intents/{}/capture", dice.pick(intents)),
                part,
            )
        }
        6 => (
            format!("/v1/payment_intents/{}/cancel", dice.pick(intents)),
            String::new(),
        ),
        7 => {
            let path = format!(
                "/_sandbox/payment_intents/{}/authenticate",
                dice.pick(intents)
            );
            (
                path,
                [String::new(), String::from("outcome=failed")][dice.roll(2)].clone(),
            )
        }
        8 => {
            let form = format!("charge={}&amount={amount}", dice.pick(charges));
            (String::from("/v1/refunds"), form)
        }
        9 => {
            let form = format!("payment_intent={}", dice.pick(intents));
            (String::from("/v1/refunds"), form)
        }
        10 => (
            String::from("/v1/payouts"),
            format!("amount={amount}&currency=usd"),
        ),
        11 => (
            format!(
                "/v1/payouts/{}/{}",
                dice.pick(payouts),
                ["cancel", "reverse"][dice.roll(2)]
            ),
            String::new(),
        ),
        12 => match dice.roll(3) {
            0 => {
                let form = format!("amount={amount}&currency=usd&destination=acct_2");
                (String::from("/v1/transfers"), form)
            }
            1 => {
                let path = format!("/v1/transfers/{}/reversals", dice.pick(transfers));
                (path, format!("amount={amount}"))
            }
            _ => (
                String::from("/v1/topups"),
                format!("amount={amount}&currency=usd"),
            ),
        },
        13 => {
            let customer = dice.pick(customers).to_owned();
            let item = format!("customer={customer}&amount={amount}&currency=usd");
            client.post("/v1/invoiceitems", &item);
            let form = format!("customer={customer}&pending_invoice_items_behavior=include");
            (String::from("/v1/invoices"), form)
        }
        14 => {
            let action = ["finalize", "pay", "void", "send", "mark_uncollectible"][dice.roll(5)];
            let path = format!("/v1/invoices/{}/{action}", dice.pick(invoices));
            let form = format!("payment_method={method}");
            (path, if action == "pay" { form } else { String::new() })
        }
        15 => {
            let disputes = client.all("/v1/disputes");
            let ids = disputes
                .iter()
                .map(|dispute| dispute["id"].as_str().unwrap().to_owned());
            let path = format!("/v1/disputes/{}", dice.pick(&ids.collect::<Vec<_>>()));
            let said = ["winning", "losing", "escalate_inquiry", "some"][dice.roll(4)];
            match dice.roll(4) {
                0 => (format!("{path}/close"), String::new()),
                _ => (
                    path,
                    format!("evidence[uncategorized_text]={said}_evidence"),
                ),
            }
        }
        _ => (
            String::from("/_sandbox/clock"),
            format!("advance={}", dice.roll(100_000)),
        ),
    };
    let reply = client.post(&path, &form);
    let kinds = ["pi_", "ch_", "po_", "tr_", "in_", "cus_"];
    let ids = [&reply.json["id"], &reply.json["latest_charge"]];
    for id in ids.into_iter().filter_map(Value::as_str) {
        if let Some(kind) = kinds.iter().position(|prefix| id.starts_with(prefix)) {
            made[kind].push(id.to_owned());
        }
    }
    reply.status
}

#[test]
fn the_balance_is_charges_less_fees_refunds_and_payouts() {
    for seed in [1, 2, 3] {
        let client = Client::new();
        let mut dice = Dice(Ids::new(Some(seed)));
        let mut made = <[Vec<String>; 6]>::default();
        made[5].push(client.id("/v1/customers", ""));
        let (mut succeeded, mut refused, mut declined) = (0, 0, 0);
        for round in 0..600 {
            match step(&client, &mut dice, &mut made) {
                200 => succeeded += 1,
                402 => declined += 1,
                400 | 404 => refused += 1,
                other => panic!("seed {seed}, round {round}: status {other}"),
            }
            if round % 20 == 0 {
                check(&client);
            }
        }
        check(&client);
        let counts = format!("{succeeded} succeeded, {declined} declined, {refused} refused");
        assert!(succeeded > 100 && declined > 20 && refused > 50, "{counts}");
        // Each charge is told once, as what became of it (Stripe docs, "Types of events").
        let told = |name: &str| {
            client
                .all("/v1/events")
                .iter()
                .filter(|e| e["type"] == name)
                .count()
        };
        let charges = client.all("/v1/charges");
        let are = |status: &str| {
            let those = charges.iter().filter(|charge| charge["status"] == status);
            those.count()
        };
        assert_eq!(told("charge.succeeded"), are("succeeded"));
        assert_eq!(told("charge.failed"), are("failed"));
        // Debits ended each way, and some are under way for ever.
        let debits = charges
            .iter()
            .filter(|charge| charge["id"].as_str().unwrap().starts_with("py_"));
        assert_eq!(told("charge.pending"), debits.clone().count());
        for status in ["succeeded", "failed", "pending"] {
            let mut debits = debits.clone();
            assert!(
                debits.any(|charge| charge["status"] == status),
                "seed {seed}: {status}"
            );
        }
        assert_eq!(told("payout.created"), client.all("/v1/payouts").len());
    }
}

/// What is on the disk is the same ledger, down to the last event.
#[test]
fn a_random_history_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.redb");
    let open = || {
        Client::having(SandboxOptions {
            data: Some(file.clone()),
            ..options()
        })
    };
    let mut dice = Dice(Ids::new(Some(9)));
    let mut made = <[Vec<String>; 6]>::default();
    let lists = [
        "/v1/balance_transactions",
        "/v1/charges",
        "/v1/customers",
        "/v1/disputes",
        "/v1/events",
        "/v1/invoiceitems",
        "/v1/invoices",
        "/v1/payment_intents",
        "/v1/payouts",
        "/v1/refunds",
        "/v1/topups",
        "/v1/transfers",
    ];
    let mut before: Option<Vec<Vec<Value>>> = None;
    for _ in 0..4 {
        let client = open();
        if let Some(before) = before {
            assert_eq!(lists.map(|path| client.all(path)).to_vec(), before);
        }
        if made[5].is_empty() {
            made[5].push(client.id("/v1/customers", ""));
        }
        for _ in 0..40 {
            step(&client, &mut dice, &mut made);
        }
        check(&client);
        before = Some(lists.map(|path| client.all(path)).to_vec());
    }
}
