/** What is compared with a column of uuid as a uuid, by its index; PostgreSQL reads more forms, which nobody writes (22P02 for the rest). */
export const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
