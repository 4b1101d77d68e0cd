//! A test payment: what a shop says of it.

use api_types::ingest::{ReceiptRequest, ResultRequest};
use console::test_shop::{PaymentOutcome, TestPayment};
use domain::effect_result::Outcome;
use domain::ids::EventId;
use domain::money::Amount;
use domain::test_shop::{DUE_MINUTES, PaymentKind};
use store::administration::test_shop::find_test_shop_key;
use time::OffsetDateTime;
use web::error::Cause;

use super::{Shop, ShopClient};

/// Who pays.
const CUSTOMER: &str = "test_customer";

/// Sends the receipt, and the result if there is to be one. Sent again, it is the same payment. A project that the shop is not
/// connected to, as every live one, has no key for it.
pub(super) async fn pay(shop: &Shop, payment: TestPayment) -> Result<PaymentOutcome, Cause> {
    let mut db = shop.pool.acquire().await?;
    let key = find_test_shop_key(&mut db, &shop.master_key, payment.project_id).await?;
    drop(db);
    let Some(key) = key else {
        return Ok(stopped("The shop has no valid API key in this project: connect it again."));
    };
    let client = ShopClient::new(&shop.api, key.reveal())?;
    let receipt = receipt(payment.provider_event_id)?;
    let event_id = match client.receipt(&receipt).await {
        Ok(taken) => taken.event_id,
        Err(error) => return Ok(stopped(&format!("The receipt was not accepted: {error:#}."))),
    };
    let Some(result) = result(event_id, payment.kind) else { return Ok(PaymentOutcome::Sent) };
    Ok(match client.result(&result).await {
        Ok(_) => PaymentOutcome::Sent,
        Err(error) => stopped(&format!(
            "The receipt is accepted, its result was not: {error:#}. An incident opens when the minute is over."
        )),
    })
}

fn stopped(why: &str) -> PaymentOutcome {
    PaymentOutcome::Stopped(why.to_owned())
}

fn receipt(provider_event_id: String) -> Result<ReceiptRequest, Cause> {
    Ok(ReceiptRequest {
        provider: "stripe".to_owned(),
        provider_event_id,
        event_type: "invoice.paid".to_owned(),
        effect_type: "credit_grant".to_owned(),
        internal_reference: CUSTOMER.to_owned(),
        effect_key: None,
        occurred_at: OffsetDateTime::now_utc(),
        shopify_shop_domain: None,
        timeout_minutes: Some(DUE_MINUTES),
        amount: Some(Amount { value: 4900, currency: "USD".parse()? }),
        payload: None,
    })
}

fn result(event_id: EventId, kind: PaymentKind) -> Option<ResultRequest> {
    match kind {
        PaymentKind::Missing => None,
        PaymentKind::Succeeds => Some(ResultRequest::new(event_id, Outcome::Succeeded)),
        PaymentKind::Fails => Some(ResultRequest {
            error_code: Some("db_write_failed".to_owned()),
            error_message: Some("The credits could not be written".to_owned()),
            ..ResultRequest::new(event_id, Outcome::Failed)
        }),
    }
}
