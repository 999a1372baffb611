export { cellText, fixed, grouped, meaningsOf, textTable } from "./format.js";
export { type Page, renderPage } from "./html.js";
export { type LearningPoint, type LearningReferences, learningFigure, runningMean } from "./learning-figure.js";
export { type PathGroup, pathFigure } from "./path-figure.js";
export { type PointGroup, type SampleFigureOptions, sampleFigure } from "./sample-figure.js";
