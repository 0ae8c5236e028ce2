/** Doors for compiled schema checks of foreign JSON Schemas and for the Common Expression Language. */
export { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
export { Environment as CelEnvironment, evaluate as celEvaluate, parse as celParse } from "@marcbachmann/cel-js";
