/** An answer may come so long beyond a deadline: the server's timeout and a cancel have struck by then. */
export const ANSWER_GRACE_MS = 2_500
