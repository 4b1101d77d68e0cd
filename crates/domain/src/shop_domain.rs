//! Shopify's name of a shop, as apps find it: a header, a setting, a link.

/// The domains that shops have. `shop.dev` and `myshopify.io` are those of Shopify's own
/// developers.
/// <https://github.com/Shopify/shopify-app-js/blob/main/packages/apps/shopify-api/lib/utils/shop-validator.ts>
const DOMAINS: [&str; 3] = [".myshopify.com", ".myshopify.io", ".shop.dev"];

/// Brings a shop's domain into one form: no scheme, path, port, trailing dot, white space or
/// capitals. `None` if that is no shop's domain.
#[must_use]
pub fn normalise(text: &str) -> Option<String> {
    let text: String = text.split_whitespace().collect::<String>().to_ascii_lowercase();
    let text =
        text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(&text);
    let host = text.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.strip_suffix(":443").or_else(|| host.strip_suffix(":80")).unwrap_or(host);
    let host = host.trim_end_matches('.');
    let name = DOMAINS.iter().find_map(|domain| host.strip_suffix(domain))?;
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    (begins && name.len() <= 100 && name.bytes().all(good)).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_shop_has_one_name() {
        for spelt in [
            "cometcart.myshopify.com",
            "CometCart.MyShopify.com",
            "https://cometcart.myshopify.com",
            "https://cometcart.myshopify.com/admin/products?x=1",
            "http://cometcart.myshopify.com:443/",
            " cometcart.myshopify.com.\n",
        ] {
            assert_eq!(normalise(spelt).as_deref(), Some("cometcart.myshopify.com"), "{spelt:?}");
        }
        assert_eq!(normalise("a_b.shop.dev").as_deref(), Some("a_b.shop.dev"));
        assert_eq!(normalise("a.myshopify.io").as_deref(), Some("a.myshopify.io"));
    }

    #[test]
    fn whatever_is_no_shop_is_rejected() {
        for other in [
            "",
            "cometcart",
            "cometcart.com",
            ".myshopify.com",
            "-a.myshopify.com",
            "a.b.myshopify.com",
            "myshopify.com.evil.example",
            "evil.example/.myshopify.com",
            "user@a.myshopify.com",
            "é.myshopify.com",
        ] {
            assert_eq!(normalise(other), None, "{other:?}");
        }
    }
}
