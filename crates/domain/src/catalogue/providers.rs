//! The built-in providers and the event types that real handlers act on.
//!
//! Spelt as each provider sends them. Where one purchase gives several "paid" events, an app
//! reports one event type per effect; `docs/providers.md` says which.

use super::Provider;

/// One row of the catalogue.
#[derive(Debug)]
pub struct ProviderRow {
    pub provider: Provider,
    /// Its name as people write it.
    pub name: &'static str,
    /// The event types that are watched, as the provider spells them.
    pub event_types: &'static [&'static str],
}

/// The built-in rows, in the order of [`Provider::BUILT_IN`].
pub const PROVIDERS: &[ProviderRow] = &[
    // https://docs.stripe.com/api/events/types
    ProviderRow {
        provider: Provider::Stripe,
        name: "Stripe",
        event_types: &[
            "checkout.session.completed",
            "checkout.session.async_payment_succeeded",
            "checkout.session.async_payment_failed",
            "payment_intent.succeeded",
            "invoice.paid",
            "invoice.payment_succeeded",
            "invoice.payment_failed",
            "invoice_payment.paid",
            "customer.subscription.created",
            "customer.subscription.updated",
            "customer.subscription.deleted",
            "customer.subscription.paused",
            "customer.subscription.resumed",
            "customer.subscription.trial_will_end",
            "charge.succeeded",
            "charge.refunded",
            "charge.dispute.created",
            "charge.dispute.closed",
            "charge.dispute.funds_reinstated",
            "refund.created",
            "refund.updated",
            "entitlements.active_entitlement_summary.updated",
        ],
    },
    // https://shopify.dev/docs/api/webhooks
    ProviderRow {
        provider: Provider::Shopify,
        name: "Shopify",
        event_types: &[
            "orders/paid",
            "orders/fulfilled",
            "orders/create",
            "orders/updated",
            "orders/cancelled",
            "customers/create",
            "checkouts/create",
            "refunds/create",
            "order_transactions/create",
            "app_subscriptions/update",
            "app_purchases_one_time/update",
        ],
    },
    // https://developer.paypal.com/api/rest/webhooks/event-names/
    ProviderRow {
        provider: Provider::PayPal,
        name: "PayPal",
        event_types: &[
            "PAYMENT.CAPTURE.COMPLETED",
            "PAYMENT.SALE.COMPLETED",
            "BILLING.SUBSCRIPTION.ACTIVATED",
            "BILLING.SUBSCRIPTION.UPDATED",
            "BILLING.SUBSCRIPTION.CANCELLED",
            "PAYMENT.CAPTURE.REFUNDED",
            "PAYMENT.SALE.REFUNDED",
            "CUSTOMER.DISPUTE.CREATED",
        ],
    },
    // https://developer.paddle.com/webhooks/overview
    ProviderRow {
        provider: Provider::Paddle,
        name: "Paddle",
        event_types: &[
            "transaction.completed",
            "subscription.activated",
            "subscription.updated",
            "subscription.canceled",
            "adjustment.created",
            "adjustment.updated",
        ],
    },
    // https://docs.lemonsqueezy.com/help/webhooks/event-types
    ProviderRow {
        provider: Provider::LemonSqueezy,
        name: "Lemon Squeezy",
        event_types: &[
            "order_created",
            "order_refunded",
            "subscription_created",
            "subscription_updated",
            "subscription_cancelled",
            "subscription_expired",
            "subscription_payment_success",
            "subscription_payment_refunded",
        ],
    },
    // https://docs.adyen.com/development-resources/webhooks/webhook-types
    ProviderRow {
        provider: Provider::Adyen,
        name: "Adyen",
        event_types: &[
            "AUTHORISATION",
            "CAPTURE",
            "REFUND",
            "CANCEL_OR_REFUND",
            "NOTIFICATION_OF_CHARGEBACK",
            "CHARGEBACK",
        ],
    },
];
