//! `Debug` of types that hold secrets beside what may be shown.

/// Implements `Debug` for a struct: the fields `shown` by their values, the others not at all. Each field is in one of the
/// two lists, so one that is added later does not compile before somebody has said whether it is a secret.
#[macro_export]
macro_rules! debug_without {
    ($name:ident { shown: [$($shown:ident),* $(,)?], hidden: [$($hidden:ident),+ $(,)?] $(,)? }) => {
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                let Self { $($shown,)* $($hidden: _,)+ } = self;
                f.debug_struct(stringify!($name))
                    $(.field(stringify!($shown), $shown))*
                    .finish_non_exhaustive()
            }
        }
    };
}

#[cfg(test)]
mod tests {
    struct Door {
        name: String,
        code: String,
    }

    debug_without!(Door { shown: [name], hidden: [code] });

    #[test]
    fn what_is_hidden_is_not_printed() {
        let door = Door { name: "front".to_owned(), code: "canary".to_owned() };
        assert_eq!(format!("{door:?}"), r#"Door { name: "front", .. }"#);
        assert_eq!(door.code, "canary");
    }
}
