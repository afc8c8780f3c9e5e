//! Accounts: the platform's own, connected ones, and how a platform gets access to them. It owns
//! accounts, capabilities, external accounts and OAuth; which account a request acts for is decided
//! before it gets here.

use super::super::errors::StripeError;
use super::super::shapes::Object;
use super::super::store::{Store, flag, set, text};
use super::super::world::{Call, Outcome, World, whole_list};
use super::{Family, payment_methods};
use serde_json::{Value, json};

pub(crate) struct Connect;

impl Family for Connect {
    fn kinds(&self) -> &'static [&'static str] {
        &["account", "account_link", "login_link", "person"]
    }

    fn answer(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
    ) -> Result<Option<Outcome>, StripeError> {
        let id = call.ids.first().map_or("", String::as_str);
        let value = match (call.route.verb, call.route.template.as_str()) {
            ("GET", "/v1/account") => own_account(world),
            ("GET", "/v1/accounts/{}") if id == world.account => own_account(world),
            ("POST", "/v1/accounts/{}/external_accounts") => {
                world.at_path("account", id)?;
                let given = call
                    .params
                    .get("external_account")
                    .cloned()
                    .unwrap_or(Value::Null);
                let (kind, mut object) =
                    payment_methods::source_from(world, "external_account", &given)?;
                set(&mut object, "account", id);
                world
                    .store
                    .put_under(kind, object.clone(), vec![id.to_owned()]);
                super::present(world.store, &object)
            }
            ("GET", "/v1/accounts/{}/capabilities") => {
                let account = world.at_path("account", id)?;
                let names = account.get("capabilities").and_then(Value::as_object);
                let names = names.into_iter().flat_map(|names| names.keys());
                let paths = names.map(|name| format!("{}/{name}", call.path));
                let found = paths.filter_map(|path| world.store.single(&path).cloned());
                let list = whole_list(found.map(Value::Object).collect(), call.path);
                return Ok(Some(Outcome::Json(list)));
            }
            ("GET", "/v1/accounts/{}/capabilities/{}") => {
                let name = call.ids.get(1).map_or("", String::as_str);
                let found = world.store.single(call.path).cloned();
                found.ok_or_else(|| StripeError::no_such("capability", name))?
            }
            ("POST", "/v1/accounts/{}/capabilities/{}") => {
                let name = call.ids.get(1).map_or("", String::as_str);
                let mut account = world.at_path("account", id)?;
                let requested = flag(&call.params, "requested");
                let capability = capability(world, &mut account, name, requested);
                world.store.put("account", account);
                capability
            }
            ("POST", "/oauth/token") => return token(world, &call.params).map(Some),
            ("POST", "/oauth/deauthorize") => {
                let user = text(&call.params, "stripe_user_id");
                if user.is_empty() {
                    return Err(oauth_error("invalid_request", "stripe_user_id is missing."));
                }
                world.tokens.retain(|_, account| account != user);
                return Ok(Some(Outcome::Json(json!({"stripe_user_id": user}))));
            }
            _ => return Ok(None),
        };
        Ok(Some(Outcome::Json(Value::Object(value))))
    }

    fn created(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        match text(object, "object") {
            "account" => {
                complete(object, world.now);
                if text(&call.params, "type").is_empty() {
                    set(object, "type", "none");
                }
                let requested = call.params.get("capabilities").and_then(Value::as_object);
                set(object, "capabilities", json!({}));
                for (name, wanted) in requested.into_iter().flatten() {
                    let requested = wanted.get("requested") == Some(&Value::Bool(true));
                    capability(world, object, name, requested);
                }
            }
            "account_link" => {
                let path = if text(&call.params, "type") == "account_update" {
                    "e"
                } else {
                    "s"
                };
                let url = format!(
                    "https://connect.stripe.com/setup/{path}/{}",
                    world.ids.text(24)
                );
                set(object, "url", url);
                set(object, "expires_at", world.now + 300);
            }
            "login_link" => {
                let url = format!("https://connect.stripe.com/express/{}", world.ids.text(24));
                set(object, "url", url);
            }
            "person" => {
                let id = call.ids.first().map_or("", String::as_str);
                set(object, "account", id);
            }
            _ => {}
        }
        Ok(())
    }

    fn acted(
        &self,
        _world: &mut World<'_>,
        _call: &Call<'_>,
        action: &str,
        object: &mut Object,
    ) -> Result<bool, StripeError> {
        if !matches!(action, "reject" | "unreject") {
            return Ok(false);
        }
        for field in ["charges_enabled", "payouts_enabled"] {
            set(object, field, action == "unreject");
        }
        Ok(true)
    }

    fn present(&self, store: &Store, object: &mut Object) {
        if text(object, "object") == "account" {
            let id = text(object, "id").to_owned();
            let accounts = ["bank_account", "card"]
                .into_iter()
                .flat_map(|kind| store.oldest_first(kind));
            let accounts = accounts.filter(|record| text(&record.object, "account") == id);
            let data = accounts.map(|record| Value::Object(super::present(store, &record.object)));
            let url = format!("/v1/accounts/{id}/external_accounts");
            set(object, "external_accounts", whole_list(data.collect(), url));
        }
    }
}

/// The account a request acts for, as it sees itself.
fn own_account(world: &mut World<'_>) -> Object {
    if let Some(account) = world.store.single("/v1/account") {
        return account.clone();
    }
    let mut account = world.blank("account");
    set(&mut account, "id", world.account);
    complete(&mut account, world.now);
    set(&mut account, "type", "standard");
    for field in ["charges_enabled", "payouts_enabled", "details_submitted"] {
        set(&mut account, field, true);
    }
    let account = super::present(world.store, &account);
    world.store.put_single("/v1/account", account.clone());
    account
}

fn complete(account: &mut Object, now: i64) {
    if text(account, "country").is_empty() {
        set(account, "country", "US");
    }
    if text(account, "default_currency").is_empty() {
        set(account, "default_currency", "usd");
    }
    set(account, "created", now);
    for field in ["charges_enabled", "payouts_enabled", "details_submitted"] {
        set(account, field, false);
    }
    set(
        account,
        "requirements",
        json!({"alternatives": [], "current_deadline": null,
        "currently_due": [], "disabled_reason": null, "errors": [], "eventually_due": [],
        "past_due": [], "pending_verification": []}),
    );
}

/// Stores a capability and notes it on its account.
fn capability(world: &mut World<'_>, account: &mut Object, name: &str, requested: bool) -> Object {
    let mut capability = world.blank("capability");
    let status = if requested { "active" } else { "unrequested" };
    set(&mut capability, "id", name);
    set(&mut capability, "account", text(account, "id"));
    set(&mut capability, "requested", requested);
    set(
        &mut capability,
        "requested_at",
        if requested {
            json!(world.now)
        } else {
            Value::Null
        },
    );
    set(&mut capability, "status", status);
    // The id of a capability is its name, which another account's capability has too, so it is
    // kept by its path.
    let path = format!("/v1/accounts/{}/capabilities/{name}", text(account, "id"));
    world.store.put_single(&path, capability.clone());
    if let Some(capabilities) = account
        .get_mut("capabilities")
        .and_then(Value::as_object_mut)
    {
        set(capabilities, name, status);
    }
    capability
}

fn token(world: &mut World<'_>, params: &Object) -> Result<Outcome, StripeError> {
    let (name, given) = match text(params, "grant_type") {
        "authorization_code" => ("code", text(params, "code")),
        "refresh_token" => ("refresh_token", text(params, "refresh_token")),
        _ => {
            let reason = "grant_type must be authorization_code or refresh_token.";
            return Err(oauth_error("unsupported_grant_type", reason));
        }
    };
    if given.is_empty() {
        return Err(oauth_error(
            "invalid_request",
            &format!("{name} is missing."),
        ));
    }
    let known = given
        .strip_prefix("rt_")
        .map(|token| format!("sk_test_{token}"));
    let account = known.and_then(|token| world.tokens.get(&token).cloned());
    let account = account.unwrap_or_else(|| world.ids.id("account"));
    let secret = world.ids.text(32);
    let access_token = format!("sk_test_{secret}");
    world.tokens.insert(access_token.clone(), account.clone());
    let scope = text(params, "scope");
    Ok(Outcome::Json(json!({
        "access_token": access_token,
        "livemode": false,
        "refresh_token": format!("rt_{secret}"),
        "scope": if scope.is_empty() { "read_write" } else { scope },
        "stripe_publishable_key": format!("pk_test_{}", world.ids.text(32)),
        "stripe_user_id": account,
        "token_type": "bearer",
    })))
}

/// OAuth's own error shape (RFC 6749, section 5.2), which Stripe uses on these two paths.
fn oauth_error(code: &'static str, description: &str) -> StripeError {
    StripeError::oauth(code, description)
}
