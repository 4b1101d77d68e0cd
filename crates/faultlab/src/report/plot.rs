//! The plot of a round: how long receipts took, second by second, and the fault behind it.

use plotters::prelude::{
    ChartBuilder, Circle, Color as _, IntoDrawingArea as _, LineSeries, RGBColor, Rectangle,
    SVGBackend, WHITE,
};

use crate::round::Verdict;

const SIZE: (u32, u32) = (760, 240);
const BLUE: RGBColor = RGBColor(37, 99, 235);
const RED: RGBColor = RGBColor(185, 28, 28);
const AMBER: RGBColor = RGBColor(217, 119, 6);
const FONT: (&str, u32) = ("sans-serif", 14);
/// A disturbance that was over immediately is still to be seen.
const NARROWEST: f64 = 0.4;

/// Draws it as an SVG that stands in a page.
pub(super) fn draw(round: &Verdict) -> anyhow::Result<String> {
    let last = round.latency.iter().map(|point| point.0).fold(1.0, f64::max);
    let end = round.marks.iter().map(|mark| mark.until).fold(last, f64::max) + 1.0;
    let highest = round.latency.iter().map(|point| point.1).fold(10.0, f64::max) * 1.1;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut plot = ChartBuilder::on(&area)
            .margin(8)
            .x_label_area_size(36)
            .y_label_area_size(64)
            .build_cartesian_2d(0.0..end, 0.0..highest)?;
        let mut mesh = plot.configure_mesh();
        mesh.x_desc("seconds").y_desc("ms, longest of each second").light_line_style(WHITE);
        mesh.label_style(FONT).axis_desc_style(FONT).draw()?;
        let bands = round.marks.iter().map(|mark| {
            let until = mark.until.max(mark.from + NARROWEST);
            Rectangle::new([(mark.from, 0.0), (until, highest)], AMBER.mix(0.25).filled())
        });
        plot.draw_series(bands)?;
        plot.draw_series(LineSeries::new(round.latency.iter().copied(), BLUE.stroke_width(2)))?;
        let unacked = round.unacked.iter().filter(|point| point.1 > 0.0);
        plot.draw_series(
            unacked.map(|point| Circle::new((point.0, highest * 0.97), 3, RED.filled())),
        )?;
        area.present()?;
    }
    Ok(svg)
}
