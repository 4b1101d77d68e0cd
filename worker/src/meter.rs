//! What the SDK measures by itself, told with the metrics of the product: slots, pollers, the cache of
//! watches, how long tasks take and which fail.
//!
//! The SDK's own exporter listens on a port of its own; this lets one address show everything. Labels
//! are kept in the one form of attributes that a meter outside the SDK can make.

#![expect(
    clippy::disallowed_types,
    reason = "the SDK keeps labels so; they are sorted when they are exposed"
)]

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use telemetry::sdk::{self, Labels};
use temporalio_common::telemetry::metrics::{
    CoreMeter, Counter, CounterBase, Gauge, GaugeBase, GaugeF64, GaugeF64Base, Histogram,
    HistogramBase, HistogramDuration, HistogramDurationBase, HistogramF64, HistogramF64Base,
    MetricAttributable, MetricAttributes, MetricParameters, NewAttributes, UpDownCounter,
    UpDownCounterBase,
};

/// Gives the SDK its instruments.
#[derive(Debug)]
pub(crate) struct Meter;

impl CoreMeter for Meter {
    fn new_attributes(&self, attributes: NewAttributes) -> MetricAttributes {
        MetricAttributes::NoOp(Arc::new(attributes.into()))
    }

    fn extend_attributes(
        &self,
        existing: MetricAttributes,
        attributes: NewAttributes,
    ) -> MetricAttributes {
        let mut labels = match existing {
            MetricAttributes::NoOp(labels) => (*labels).clone(),
            _ => HashMap::new(),
        };
        labels.extend::<HashMap<_, _>>(attributes.into());
        MetricAttributes::NoOp(Arc::new(labels))
    }

    fn counter(&self, of: MetricParameters) -> Counter {
        Counter::new(Arc::new(Instrument(sdk::name_counter(&of.name, &of.description))))
    }

    fn histogram(&self, of: MetricParameters) -> Histogram {
        Histogram::new(Arc::new(Instrument(sdk::name_histogram(&of.name, &of.description))))
    }

    fn histogram_f64(&self, of: MetricParameters) -> HistogramF64 {
        HistogramF64::new(Arc::new(Instrument(sdk::name_histogram(&of.name, &of.description))))
    }

    fn histogram_duration(&self, of: MetricParameters) -> HistogramDuration {
        HistogramDuration::new(Arc::new(Instrument(sdk::name_duration(&of.name, &of.description))))
    }

    fn gauge(&self, of: MetricParameters) -> Gauge {
        Gauge::new(Arc::new(Instrument(sdk::name_gauge(&of.name, &of.description))))
    }

    fn gauge_f64(&self, of: MetricParameters) -> GaugeF64 {
        GaugeF64::new(Arc::new(Instrument(sdk::name_gauge(&of.name, &of.description))))
    }

    fn up_down_counter(&self, of: MetricParameters) -> UpDownCounter {
        UpDownCounter::new(Arc::new(Instrument(sdk::name_gauge(&of.name, &of.description))))
    }
}

/// An instrument by the name that it is exposed by.
struct Instrument(String);

fn labels(attributes: &MetricAttributes) -> Labels {
    match attributes {
        MetricAttributes::NoOp(labels) => {
            labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
        }
        _ => Labels::new(),
    }
}

macro_rules! bound {
    ($base:ident, $bound:ident, $make:path) => {
        impl MetricAttributable<Box<dyn $base>> for Instrument {
            fn with_attributes(
                &self,
                attributes: &MetricAttributes,
            ) -> Result<Box<dyn $base>, Box<dyn Error>> {
                Ok(Box::new($bound($make(&self.0, labels(attributes)))))
            }
        }
    };
}

struct BoundCounter(sdk::Counter);
struct BoundGauge(sdk::Gauge);
struct BoundHistogram(sdk::Histogram);

bound!(CounterBase, BoundCounter, sdk::counter);
bound!(GaugeBase, BoundGauge, sdk::gauge);
bound!(GaugeF64Base, BoundGauge, sdk::gauge);
bound!(UpDownCounterBase, BoundGauge, sdk::gauge);
bound!(HistogramBase, BoundHistogram, sdk::histogram);
bound!(HistogramF64Base, BoundHistogram, sdk::histogram);
bound!(HistogramDurationBase, BoundHistogram, sdk::histogram);

impl CounterBase for BoundCounter {
    fn adds(&self, value: u64) {
        self.0.increment(value);
    }
}

impl GaugeBase for BoundGauge {
    fn records(&self, value: u64) {
        self.0.set(to_f64(value));
    }
}

impl GaugeF64Base for BoundGauge {
    fn records(&self, value: f64) {
        self.0.set(value);
    }
}

impl UpDownCounterBase for BoundGauge {
    fn adds(&self, value: i64) {
        let much = to_f64(value.unsigned_abs());
        if value < 0 { self.0.decrement(much) } else { self.0.increment(much) }
    }
}

impl HistogramBase for BoundHistogram {
    fn records(&self, value: u64) {
        self.0.record(to_f64(value));
    }
}

impl HistogramF64Base for BoundHistogram {
    fn records(&self, value: f64) {
        self.0.record(value);
    }
}

impl HistogramDurationBase for BoundHistogram {
    fn records(&self, value: Duration) {
        self.0.record(value.as_secs_f64());
    }
}

/// Prometheus knows no integers.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn to_f64(value: u64) -> f64 {
    value as f64
}
