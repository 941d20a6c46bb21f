/* SPDX-License-Identifier: Apache-2.0 */
/* Charts as inline SVG. Colours are classes of page.css. Positions are px of the drawing; whoever draws a mark between
 * chart_mark() and chart_mark_end() says in its title what a reader sees when pointing at it. */
#ifndef SINKS_HTML_CHART_H
#define SINKS_HTML_CHART_H

#include <stdbool.h>
#include <stdio.h>

#include "plugins/sinks/html/text.h"

struct chart_axis {
    double top, step; /* in base units */
    struct text_unit unit;
    bool root;  /* drawn as the square root: what is small is seen, too */
    double low; /* not 0: begins there, and is logarithmic, with ticks from first to last */
    int first, last;
};

/* Axes from 0 to at least max. */
struct chart_axis chart_axis_rate(double max_bps);
struct chart_axis chart_axis_ms(double max_ms);
struct chart_axis chart_axis_percent(double max);
struct chart_axis chart_axis_seconds(double max_s);
struct chart_axis chart_axis_loss(void); /* 0 to 100 %, root */
struct chart_axis chart_axis_rates(double min_bps, double max_bps); /* logarithmic */

struct chart {
    FILE *out;
    const struct chart_axis *axis;
    double left, right, top, bottom; /* the plot */
};

/* Opens the drawing and draws the grid of the value axis; label is what a screen reader says. */
void chart_begin(struct chart *chart, FILE *out, const struct chart_axis *axis, double width, double height,
                 const char *label);
/* A second axis, to the right. */
void chart_axis_x(struct chart *chart, const struct chart_axis *axis);
void chart_end(struct chart *chart);

double chart_y(const struct chart *chart, double value);
double chart_x(const struct chart *chart, const struct chart_axis *axis, double value);

/* A px number: one decimal at most. */
void chart_px(FILE *out, double px);

/* A mark with a title; the text between is the title's. */
void chart_mark(struct chart *chart, const char *css);
void chart_mark_title_end(struct chart *chart);
void chart_mark_end(struct chart *chart);

/* In a mark. whisker: from lo to hi, when they differ. text: above it. */
void chart_column(struct chart *chart, double x, double width, double value, double lo, double hi);
void chart_missing(struct chart *chart, double x, double width);
struct chart_box {
    double min, avg, max, stddev; /* NAN: not told */
};
void chart_draw_box(struct chart *chart, double x, double width, const struct chart_box *box);

/* Below the plot, in the middle of x; line counts from 0. */
void chart_below(struct chart *chart, double x, int line, const char *text, size_t max);

/* The band between two values. */
void chart_band(struct chart *chart, double low, double high);

#endif
