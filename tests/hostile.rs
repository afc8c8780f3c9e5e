//! A component that traps, loops, allocates without end or answers nonsense:
//! each a clear error, and the process stays up for the other calls.

use std::time::Duration;

use serde_json::json;
use stripe_harness::types::Planned;
use stripe_harness::{CallError, Case, Connection, HostOptions, Instances, Plugin};

use crate::support::{Guest, KEY, failed, list, plugin, unparsed};

const MODES: [Instances; 2] = [Instances::Isolated, Instances::Reused { max_idle: 2 }];

/// A plugin made of a misbehaving component, and a connection for it.
async fn loaded(guest: Guest, options: HostOptions) -> (Plugin, Connection) {
    let properties = json!({"secretKey": KEY}).to_string();
    let parsed = plugin(&[]).parse_connection(&properties).await.unwrap();
    let plugin = Plugin::load(&guest.component(), options).unwrap();
    let connection = unparsed(&plugin, &parsed);
    (plugin, connection)
}

fn small(instances: Instances) -> HostOptions {
    HostOptions {
        instances,
        max_concurrent_calls: 2,
        max_memory: 16 << 20,
        ..HostOptions::default()
    }
}

/// The component's well-behaved function.
async fn answers(plugin: &Plugin, connection: &Connection) {
    let planned = plugin.plan(connection, "customers", "list", "null").await;
    match planned.unwrap() {
        Planned::Local(value) => assert_eq!(value, "{}"),
        other => panic!("{other:?}"),
    }
}

fn stopped(error: &CallError, said: &str) {
    assert_eq!(
        (error.case, error.failure.type_.as_str()),
        (Case::ExecutionFailed, "host_error"),
        "{error}"
    );
    // None of these components asks for a request.
    assert!(!error.failure.may_have_been_sent, "{error}");
    assert!(error.failure.message.contains(said), "{error}");
}

#[tokio::test]
async fn a_component_that_traps_takes_nothing_with_it() {
    for (guest, said) in [
        (Guest::Unreachable, "`unreachable` instruction"),
        (Guest::DivideByZero, "divide by zero"),
        (Guest::Recurse, "call stack exhausted"),
        (Guest::Allocate, "max_memory"),
        (Guest::ResultNowhere, "pointer"),
        (Guest::ResultOfNoCase, "discriminant"),
    ] {
        for instances in MODES {
            let (plugin, connection) = loaded(guest, small(instances)).await;
            for _ in 0..3 {
                answers(&plugin, &connection).await;
                let error = failed(list(&plugin, &connection).await);
                stopped(&error, said);
            }
            // Those that ran at the same time do not notice.
            let (bad, good) =
                tokio::join!(list(&plugin, &connection), answers(&plugin, &connection));
            stopped(&failed(bad), said);
            let () = good;
        }
    }
}

#[tokio::test]
async fn a_component_that_takes_no_arguments_is_told_from_one_that_fails() {
    for instances in MODES {
        let (plugin, connection) = loaded(Guest::ArgumentsNowhere, small(instances)).await;
        for _ in 0..2 {
            let error = failed(list(&plugin, &connection).await);
            stopped(&error, "realloc");
            let planned = plugin.plan(&connection, "customers", "list", "null").await;
            assert_eq!(failed(planned).case, Case::ExecutionFailed);
        }
    }
}

/// The clock stands still: it is the test that moves it, so no machine is too
/// slow, and a loop that were never interrupted would never end.
#[tokio::test(start_paused = true)]
async fn a_component_that_never_returns_is_stopped_and_gives_way_till_then() {
    for guest in [Guest::Loop, Guest::AllocateForEver] {
        for instances in MODES {
            let options = HostOptions {
                max_call_time: Duration::from_secs(60),
                ..small(instances)
            };
            let (plugin, connection) = loaded(guest, options).await;
            let call = tokio::spawn({
                let (plugin, connection) = (plugin.clone(), connection.clone());
                async move { list(&plugin, &connection).await }
            });
            // It begins, and has its time from now on.
            tokio::task::yield_now().await;
            for _ in 0..3 {
                // One thread serves both.
                answers(&plugin, &connection).await;
                assert!(!call.is_finished());
            }
            tokio::time::advance(Duration::from_secs(59)).await;
            answers(&plugin, &connection).await;
            assert!(!call.is_finished());
            tokio::time::advance(Duration::from_secs(1)).await;
            let error = failed(call.await.unwrap());
            stopped(&error, "max_call_time");
            assert!(error.failure.message.contains("after 60 s"), "{error}");
            answers(&plugin, &connection).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_component_that_never_returns_can_be_cancelled() {
    let options = HostOptions {
        max_concurrent_calls: 1,
        ..small(Instances::Isolated)
    };
    let (plugin, connection) = loaded(Guest::Loop, options).await;
    for _ in 0..3 {
        let call = tokio::spawn({
            let (plugin, connection) = (plugin.clone(), connection.clone());
            async move { list(&plugin, &connection).await }
        });
        tokio::task::yield_now().await;
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        // Its turn is given back: there is only one.
        answers(&plugin, &connection).await;
    }
}

#[tokio::test]
async fn a_component_that_never_returns_runs_out_of_fuel() {
    for instances in MODES {
        let options = HostOptions {
            max_fuel: Some(1_000_000),
            ..small(instances)
        };
        let (plugin, connection) = loaded(Guest::Loop, options).await;
        for _ in 0..3 {
            let error = failed(list(&plugin, &connection).await);
            stopped(&error, "max_fuel");
            answers(&plugin, &connection).await;
        }
    }
}
