/**
 * "Is the room free on that day?" is the question; the key answers it, and forbids the second
 * booking.
 */
export const migration = `
  CREATE TABLE bookings (
    id bigint PRIMARY KEY,
    room int NOT NULL,
    day date NOT NULL,
    UNIQUE (room, day)
  );
`
export const book = 'INSERT INTO bookings (id, room, day) VALUES ($1, $2::int, $3::date)'
