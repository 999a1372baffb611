export { type Figure, figureSvg, panelSvgs } from "./figure.js";
export { type Histogram, histogram } from "./histogram.js";
export { type LabelledPoint, labelledDots } from "./labelled.js";
export { dashOf, type Legend, type LegendEntry, legend, legendSample } from "./legend.js";
export {
  bars,
  dots,
  type Field,
  type LineStyle,
  line,
  lines,
  type Mark,
  type Point,
  rule,
  type Scales,
  tint,
} from "./marks.js";
export { type Axis, type DrawnPanel, drawPanel, type Panel, panelWidth } from "./panel.js";
export { extent, linearScale, quantile, type Scale } from "./scale.js";
export { element, escapeText, polyline } from "./svg.js";
export { type Box, overlaps, textWidth } from "./text.js";
export { paintOf, palette, type Role, style } from "./theme.js";
export { niceStep, niceTicks, type Ticks, tickLabel } from "./ticks.js";
