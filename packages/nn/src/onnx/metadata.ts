/** Key of the model's metadata under which the names of the parameters are kept. */
export const parametersKey = "diffusiongym.parameters";

/** What a file says wrote it. */
export const producer = "diffusiongym";
