export { Pretraining, type PretrainingOptions, trainBaseModel } from "./pretraining.js";
export type { TrainableModel } from "./trainable-model.js";
export { type TrainingBatch, type TrainingData, trainingBatch } from "./training-data.js";
