//! A chart as an SVG that stands in a page.

use plotters::prelude::{
    ChartBuilder, Color as _, IntoDrawingArea as _, LineSeries, PathElement, RGBColor, SVGBackend,
    SeriesLabelPosition, WHITE,
};

use super::Chart;

const SIZE: (u32, u32) = (640, 260);
/// This build, and the one to compare it with.
const COLOURS: [RGBColor; 2] = [RGBColor(37, 99, 235), RGBColor(217, 119, 6)];
/// Room above the highest point, for the legend.
const HEADROOM: f64 = 1.25;
const FONT: (&str, u32) = ("sans-serif", 15);

/// Draws the lines, with nothing as the lowest value.
pub fn draw(chart: &Chart) -> anyhow::Result<String> {
    let points = || chart.lines.iter().flat_map(|line| &line.points);
    let first = points().map(|point| point.0).reduce(f64::min).unwrap_or_default();
    let last = points().map(|point| point.0).fold(first + 1.0, f64::max);
    let highest = points().map(|point| point.1).reduce(f64::max).unwrap_or_default();
    let highest = if highest > 0.0 { highest * HEADROOM } else { 1.0 };
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut plot = ChartBuilder::on(&area)
            .margin(8)
            .x_label_area_size(40)
            .y_label_area_size(64)
            .build_cartesian_2d(first..last, 0.0..highest)?;
        plot.configure_mesh()
            .x_desc(chart.over)
            .y_desc(chart.unit)
            .light_line_style(WHITE)
            .label_style(FONT)
            .axis_desc_style(FONT)
            .draw()?;
        for (line, colour) in chart.lines.iter().zip(COLOURS) {
            plot.draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(2)))?
                .label(&line.build)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2))
                });
        }
        plot.configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE)
            .label_font(FONT)
            .draw()?;
        area.present()?;
    }
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ChartLine;

    #[test]
    fn each_build_is_a_line_and_no_name_becomes_markup() {
        let line = |build: &str| ChartLine {
            build: build.to_owned(),
            points: vec![(0.0, 1.0), (1.0, 5.0), (2.0, 3.0)],
        };
        let lines = vec![line("this"), line("<b>base</b>")];
        let svg = draw(&Chart {
            part: "burst",
            load: "burst",
            title: "throughput",
            unit: "/s",
            over: "seconds",
            lines,
        });
        let svg = svg.expect("a plot");
        assert!(svg.starts_with("<svg"));
        assert_eq!(
            svg.matches("<polyline fill=\"none\" opacity=\"1\" stroke=\"#2563EB\"").count(),
            2
        );
        assert!(!svg.contains("<b>"));
    }
}
