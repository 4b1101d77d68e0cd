// Held by the compiler against the types that were generated from the OpenAPI document.
import type { components, operations } from "./sendpromptly";

type Incident = components["schemas"]["Incident"];
type Page = operations["list_incidents"]["responses"][200]["content"]["application/json"];
type Refused = operations["get_incident"]["responses"][404]["content"]["application/json"];

export function firstError(page: Page): string | null | undefined {
  const incident: Incident | undefined = page.data[0];
  return incident?.error_code;
}

export const next = (page: Page): string | null | undefined => page.next_cursor;
export const code = (refused: Refused): string => refused.error.code;
export const note: components["schemas"]["NoteBody"] = { note: "on it" };
// @ts-expect-error a name that the document does not have
export const wrong: operations["list_incident"] = undefined;
