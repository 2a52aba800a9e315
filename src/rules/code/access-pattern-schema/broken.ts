/** The questions are asked of a document; nothing but code keeps it whole. */
export const migration = `
  CREATE TABLE bookings (id bigint PRIMARY KEY, data jsonb NOT NULL);
`
export const book = `
  INSERT INTO bookings (id, data) VALUES ($1, jsonb_build_object('room', $2::int, 'day', $3::text))
`
