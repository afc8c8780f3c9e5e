//! Identifiers in Stripe's manner. It owns the prefixes and the sources of randomness, which a seed
//! makes repeatable; it knows nothing of the objects that carry them.
//!
//! Requests and events draw from sources of their own, so that the ids of objects depend on nothing
//! but what was made before: an example prints the same ids however often it reads in between.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Prefix and number of characters after it, by kind of object.
const PREFIXES: &[(&str, &str, usize)] = &[
    ("account", "acct_", 16),
    ("v2.core.account", "acct_", 16),
    ("application_fee", "fee_", 24),
    ("apps.secret", "appsecret_", 24),
    ("balance_transaction", "txn_", 24),
    ("bank_account", "ba_", 24),
    ("billing.alert", "alrt_", 24),
    ("billing.credit_balance_transaction", "cbtxn_", 24),
    ("billing.credit_grant", "credgr_", 24),
    ("billing.meter", "mtr_", 24),
    ("billing_portal.configuration", "bpc_", 24),
    ("billing_portal.session", "bps_", 24),
    ("card", "card_", 24),
    ("charge", "ch_", 24),
    ("checkout.session", "cs_test_", 58),
    ("climate.order", "climorder_", 24),
    ("confirmation_token", "ctoken_", 24),
    ("coupon", "", 8),
    ("credit_note", "cn_", 24),
    ("credit_note_line_item", "cnli_", 24),
    ("customer", "cus_", 14),
    ("customer_balance_transaction", "cbtxn_", 24),
    ("customer_cash_balance_transaction", "ccsbtxn_", 24),
    ("discount", "di_", 24),
    ("dispute", "dp_", 24),
    ("entitlements.active_entitlement", "ent_", 24),
    ("entitlements.feature", "feat_", 24),
    ("ephemeral_key", "ephkey_", 24),
    ("event", "evt_", 24),
    ("fee_refund", "fr_", 24),
    ("file", "file_", 24),
    ("file_link", "link_", 24),
    ("financial_connections.account", "fca_", 24),
    ("financial_connections.session", "fcsess_", 24),
    ("forwarding.request", "fwdreq_", 24),
    ("identity.verification_report", "vr_", 24),
    ("identity.verification_session", "vs_", 24),
    ("invoice", "in_", 24),
    ("invoice_payment", "inpay_", 24),
    ("invoice_rendering_template", "inrtem_", 24),
    ("invoiceitem", "ii_", 24),
    ("issuing.authorization", "iauth_", 24),
    ("issuing.card", "ic_", 24),
    ("issuing.cardholder", "ich_", 24),
    ("issuing.dispute", "idp_", 24),
    ("issuing.personalization_design", "ipd_", 24),
    ("issuing.physical_bundle", "ipb_", 24),
    ("issuing.token", "intok_", 24),
    ("issuing.transaction", "ipi_", 24),
    ("item", "li_", 24),
    ("line_item", "il_", 24),
    ("mandate", "mandate_", 24),
    ("payment_attempt_record", "par_", 24),
    ("payment_intent", "pi_", 24),
    ("payment_link", "plink_", 24),
    ("payment_method", "pm_", 24),
    ("payment_method_configuration", "pmc_", 24),
    ("payment_method_domain", "pmd_", 24),
    ("payment_record", "pr_", 24),
    ("payout", "po_", 24),
    ("person", "person_", 24),
    ("plan", "plan_", 14),
    ("price", "price_", 24),
    ("product", "prod_", 14),
    ("product_feature", "prodft_", 24),
    ("promotion_code", "promo_", 24),
    ("quote", "qt_", 24),
    ("radar.early_fraud_warning", "issfr_", 24),
    ("radar.value_list", "rsl_", 24),
    ("radar.value_list_item", "rsli_", 24),
    ("refund", "re_", 24),
    ("reporting.report_run", "frr_", 24),
    ("request", "req_", 14),
    ("review", "prv_", 24),
    ("scheduled_query_run", "sqr_", 24),
    ("setup_attempt", "setatt_", 24),
    ("setup_intent", "seti_", 24),
    ("shipping_rate", "shr_", 24),
    ("source", "src_", 24),
    ("subscription", "sub_", 24),
    ("subscription_item", "si_", 14),
    ("subscription_schedule", "sub_sched_", 24),
    ("tax.calculation", "taxcalc_", 24),
    ("tax.calculation_line_item", "tax_li_", 24),
    ("tax.registration", "taxreg_", 24),
    ("tax.transaction", "tax_", 24),
    ("tax.transaction_line_item", "tax_li_", 24),
    ("tax_id", "txi_", 24),
    ("tax_rate", "txr_", 24),
    ("terminal.configuration", "tmc_", 14),
    ("terminal.location", "tml_", 14),
    ("terminal.reader", "tmr_", 14),
    ("test_helpers.test_clock", "clock_", 24),
    ("token", "tok_", 24),
    ("topup", "tu_", 24),
    ("transfer", "tr_", 24),
    ("transfer_reversal", "trr_", 24),
    ("treasury.credit_reversal", "credrev_", 24),
    ("treasury.debit_reversal", "debrev_", 24),
    ("treasury.financial_account", "fa_", 24),
    ("treasury.inbound_transfer", "ibt_", 24),
    ("treasury.outbound_payment", "obp_", 24),
    ("treasury.outbound_transfer", "obt_", 24),
    ("treasury.received_credit", "rc_", 24),
    ("treasury.received_debit", "rd_", 24),
    ("treasury.transaction", "trxn_", 24),
    ("treasury.transaction_entry", "trxne_", 24),
    ("usage_record", "mbur_", 24),
    ("v2.billing.meter_event_session", "mes_test_", 40),
    ("v2.core.account_link", "acctlink_test_", 40),
    ("v2.core.account_person", "person_test_", 40),
    ("v2.core.account_person_token", "perstok_test_", 40),
    ("v2.core.account_token", "accttok_test_", 40),
    ("v2.core.event", "evt_test_", 40),
    ("v2.core.event_destination", "ed_test_", 40),
    ("v2.core.vault.gb_bank_account", "gbba_test_", 40),
    ("v2.core.vault.us_bank_account", "usba_test_", 40),
    ("v2.money_management.financial_account", "fa_test_", 40),
    ("v2.money_management.outbound_payment", "obp_test_", 40),
    ("webhook_endpoint", "we_", 24),
];

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The source of ids.
#[derive(Debug)]
pub(crate) struct Ids {
    objects: SplitMix,
    requests: SplitMix,
    events: SplitMix,
}

/// SplitMix64 (Steele, Lea, Flood 2014): tiny, and good enough for ids nobody must guess.
#[derive(Debug)]
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn text(&mut self, length: usize) -> String {
        let mut text = String::with_capacity(length);
        for _ in 0..length {
            let index = usize::try_from(self.next() % 62).unwrap_or(0);
            text.push(ALPHABET.get(index).copied().map_or('0', char::from));
        }
        text
    }
}

impl Ids {
    /// The same seed gives the same ids in the same order; no seed gives others every time.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        let seed = seed.unwrap_or_else(|| RandomState::new().build_hasher().finish());
        // The other two sources start at numbers that the first one gives for the seed.
        let mut starts = SplitMix(seed ^ 0x5851_f42d_4c95_7f2d);
        Self {
            objects: SplitMix(seed),
            requests: SplitMix(starts.next()),
            events: SplitMix(starts.next()),
        }
    }

    /// Where the sources are, to go on from there after a restart.
    pub(crate) fn position(&self) -> [u64; 3] {
        [self.objects.0, self.requests.0, self.events.0]
    }

    /// Goes on from a position.
    pub(crate) fn at(position: [u64; 3]) -> Self {
        let [objects, requests, events] = position.map(SplitMix);
        Self {
            objects,
            requests,
            events,
        }
    }

    /// Leaves the ids of requests that may have been given out since the position was noted.
    pub(crate) fn skip_requests(&mut self) {
        self.requests = SplitMix(self.requests.next());
    }

    /// A fresh id for a kind of object.
    pub(crate) fn id(&mut self, kind: &str) -> String {
        if let Some((_, prefix, length)) = PREFIXES.iter().find(|(known, ..)| *known == kind) {
            let source = match kind {
                "request" => &mut self.requests,
                "event" | "v2.core.event" => &mut self.events,
                _ => &mut self.objects,
            };
            return format!("{prefix}{}", source.text(*length));
        }
        // A kind without a known prefix gets its initials: physical_bundle → pb_.
        let name = kind.rsplit('.').next().unwrap_or(kind);
        let initials: String = name
            .split('_')
            .filter_map(|word| word.chars().next())
            .collect();
        let test = if kind.starts_with("v2.") { "test_" } else { "" };
        format!("{initials}_{test}{}", self.text(24))
    }

    /// Random letters and digits.
    pub(crate) fn text(&mut self, length: usize) -> String {
        self.objects.text(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_stripes_form() {
        let mut ids = Ids::new(Some(1));
        for (kind, prefix, length) in [
            ("customer", "cus_", 18),
            ("payment_intent", "pi_", 27),
            ("coupon", "", 8),
        ] {
            let id = ids.id(kind);
            assert!(id.starts_with(prefix) && id.len() == length, "{id}");
        }
        assert!(ids.id("terminal.onboarding_link").starts_with("ol_"));
    }

    #[test]
    fn a_seed_makes_them_repeatable() {
        let draw = |seed| Ids::new(seed).id("customer");
        assert_eq!(draw(Some(7)), draw(Some(7)));
        assert_ne!(draw(Some(7)), draw(Some(8)));
        assert_ne!(draw(None), draw(None));
    }

    #[test]
    fn reading_does_not_change_what_comes_next() {
        let (mut quiet, mut busy) = (Ids::new(Some(7)), Ids::new(Some(7)));
        for kind in ["request", "event", "request"] {
            busy.id(kind);
        }
        assert_eq!(quiet.id("customer"), busy.id("customer"));
        let mut later = Ids::at(busy.position());
        assert_eq!(later.id("request"), busy.id("request"));
        assert_eq!(later.id("customer"), busy.id("customer"));
    }
}
