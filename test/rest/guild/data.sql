-- Rows of the guild: few, and one of each kind that a request may meet. Nothing here depends on the clock.

insert into guild.crafts (code, name, is_messy, colors) values
  ('wood', 'Carpentry', true, '{brown,"light brown"}'), ('iron', 'Smithing', true, '{black,red}'),
  ('glass', 'Glass blowing', false, '{clear}'), ('ink', 'Printing', true, '{}'), ('thread', 'Weaving', false, '{white,"off, white"}');

insert into guild.halls (id, name, city, location, opened_on) values
  ('00000000-0000-4000-8000-000000000001', 'Old Hall', 'Delft', '(4.36,52.01)', '1901-05-01'),
  ('00000000-0000-4000-8000-000000000002', 'Harbour Hall', 'Rotterdam', '(4.48,51.92)', '1950-03-12'),
  ('00000000-0000-4000-8000-000000000003', 'Old Hall', 'Gouda', null, null);

insert into guild.rooms (hall_id, number, name, seats) values
  ('00000000-0000-4000-8000-000000000001', 1, 'Great Room', 80), ('00000000-0000-4000-8000-000000000001', 2, null, 12),
  ('00000000-0000-4000-8000-000000000002', 1, 'Quay Room', 30);

insert into guild.members (id, email, first_name, last_name, rank, sponsor_id, home_hall_id, born_on, fee, skills, profile, joined_at, deleted_at) values
  (1, 'ada@guild.example', 'Ada', 'Jansen', 'warden', null, '00000000-0000-4000-8000-000000000001', '1960-01-31', 120.50, '{planing,"dove, tails"}', '{"langs": ["nl", "en"], "shoe": {"size": 38}}', '1990-04-01 09:00:00+00', null),
  (2, 'bo@guild.example', 'Bo', 'de Vries', 'master', 1, '00000000-0000-4000-8000-000000000001', '1975-07-14', 80, '{forging}', '{"langs": ["nl"], "shoe": {"size": 44}}', '2001-09-15 12:30:00+00', null),
  (3, 'cy@guild.example', 'Cy', 'O''Neil', 'journeyman', 2, '00000000-0000-4000-8000-000000000002', '1990-12-01', 40.25, '{forging,polishing}', '{}', '2015-01-02 00:00:00+00', null),
  (4, 'dee@guild.example', 'Dee', 'Jansen', 'apprentice', 2, null, null, 0, '{}', '{"langs": []}', '2024-06-30 23:59:59+00', null),
  (5, 'eli@guild.example', 'Eli', 'Żak', 'apprentice', 3, '00000000-0000-4000-8000-000000000002', '2004-02-29', 0, '{"quote\"d"}', '{"note": "50% \\ off"}', '2025-03-01 08:00:00+00', null),
  (6, 'fay@guild.example', 'Fay', 'Gone', 'master', 1, null, '1950-10-10', 80, '{blowing}', '{}', '1985-05-05 00:00:00+00', '2020-01-01 00:00:00+00');
alter table guild.members alter column id restart with 101;

insert into guild.member_crafts (member_id, craft_code, level, since) values
  (1, 'wood', 10, '1980-01-01'), (1, 'ink', 3, null), (2, 'iron', 9, '1995-05-05'), (3, 'iron', 5, '2010-01-01'),
  (3, 'glass', 2, null), (4, 'wood', 1, '2024-07-01'), (6, 'glass', 10, '1970-01-01');

insert into guild.mentorships (mentor_id, pupil_id, during) values
  (1, 2, '[2001-09-15,2006-01-01)'), (2, 3, '[2015-01-02,)'), (2, 4, '[2024-06-30,)'), (3, 5, '[2025-03-01,)');

insert into guild.member_secrets (member_id, motto, handshake) values (1, 'Measure twice', '\x00ff10'), (2, null, null);

insert into guild.workshops (id, name, hall_id, room_number, head_id, opening) values
  (1, 'Joinery', '00000000-0000-4000-8000-000000000001', 1, 1, '{"days": ["mon", "tue"], "hours": {"from": 8, "to": 17}}'),
  (2, 'Forge', '00000000-0000-4000-8000-000000000002', 1, 2, '{"days": ["wed"]}'),
  (3, 'Loft', null, null, null, '{"days": []}');
alter sequence guild.workshops_id_seq restart with 11;

insert into guild.workshop_members (workshop_id, member_id, duty, hours_per_week) values
  (1, 1, 'head', 20), (1, 4, 'hand', 40), (2, 2, 'head', 36.5), (2, 3, 'hand', null), (2, 5, 'sweeper', 8);

insert into guild.tools (craft_code, serial_no, name, size, price) values
  ('wood', 1, 'Plane', '(6,5,25.5)', '49.95'), ('wood', 2, 'Saw', '(15,60,)', '20'), ('iron', 1, 'Hammer', null, '75.10'), ('iron', 2, 'Anvil', '(40,30,60)', null);

insert into guild.loans (id, craft_code, serial_no, member_id, lent_on, returned_on) values
  ('00000000-0000-4000-8000-0000000000a1', 'wood', 1, 4, '2026-01-05', null),
  ('00000000-0000-4000-8000-0000000000a2', 'wood', 2, 4, '2025-12-01', '2025-12-24'),
  ('00000000-0000-4000-8000-0000000000a3', 'iron', 1, 3, '2026-02-01', null),
  ('00000000-0000-4000-8000-0000000000a4', null, null, 5, '2026-02-02', null);

insert into guild.suppliers (id, name, homepage, address, rating) values
  (1, 'Timber & Sons', 'https://timber.example/?a=1&b=2', '192.0.2.10', 4.5), (2, 'Iron, Inc.', null, '2001:db8::1', 3.25), (3, 'Sand (fine)', 'https://sand.example', null, null);

insert into guild.materials (id, name, price, tags, tint, parent_id) values
  (1, 'Wood', null, '{raw}', 9127187, null), (2, 'Oak', 12.5, '{hard,raw}', 8014896, 1), (3, 'Pine', 4.75, '{soft}', null, 1),
  (4, 'Iron', 2.1234, null, 4473924, null), (5, 'Quartz sand', 0.5, '{}', 16777215, null);

insert into guild.supplier_materials (id, supplier_id, material_id, lead_days) values (1, 1, 2, 5), (2, 1, 3, 3), (3, 2, 4, 14), (4, 3, 5, null);

insert into guild.swatches (id, color, label) values (1, 0, 'black'), (2, 16711680, 'red'), (3, 255, 'blue'), (4, null, null);

insert into guild.crates (id, outer_size, inner_sizes, contents) values
  (1, '(100,80,60.5)', array['(10,8,6)', '(20,16,12)']::guild.dimensions[], '[{"what": "nails", "count": 200}, {"what": "glue"}]'),
  (2, null, '{}', null), (3, '(1,,)', null, '{"a": null, "b": [1, 2, {"c": "d"}]}');

insert into guild.addresses (id, street, city, country) values
  (1, 'Oude Delft 1', 'Delft', 'NL'), (2, 'Coolsingel 40', 'Rotterdam', 'NL'), (3, 'Rue de la Paix 5', 'Paris', 'FR');

insert into guild.customers (id, name, billing_address_id, delivery_address_id, notes) values
  (1, 'City of Delft', 1, 1, null), (2, 'Museum "De Lakenhal"', 2, 1, 'pays late, asks: again?'), (3, 'Maison Blanche', 3, null, ''), (4, 'No Address', null, null, null);

insert into guild.commissions (id, title, customer_id, master_id, state, settings, custom_fields, tags, budget, promised_on, created_at, deleted_at) values
  (1, 'Council table', 1, 1, 'in progress', '{"finish": "oil", "legs": 4}', '{"room": "12b"}', '{furniture,oak}', 2500, '2026-06-01', '2026-01-10 10:00:00', null),
  (2, 'Gate', 2, 2, 'delivered', '{"finish": "black", "hinges": {"left": 2, "right": 2}}', null, '{iron}', 1800.75, '2025-12-31', '2025-10-01 09:30:00', null),
  (3, 'Chandelier', 3, 6, 'asked', '{}', '[1, 2]', '{}', null, null, '2026-02-20 16:45:10', null),
  (4, 'Bench', 1, null, 'agreed', '{"finish": null}', null, '{furniture,"two words"}', 400, '2026-05-05', '2026-02-01 00:00:00', null),
  (5, 'Mistake', 4, null, 'cancelled', '{}', null, '{}', 0, null, '2025-01-01 00:00:00', '2025-01-02 00:00:00+00');

insert into guild.commission_items (commission_id, line_no, title, quantity, unit_price) values
  (1, 1, 'Top', 1, 1500), (1, 2, 'Legs', 4, 150), (2, 1, 'Wings', 2, 700.25), (2, 2, 'Rivets', 120, 0.1), (3, 1, 'Arms', 12, 95), (4, 1, 'Seat', 1, 250);

insert into guild.item_materials (commission_id, line_no, material_id, amount, unit) values
  (1, 1, 2, 0.4, 'm3'), (1, 2, 2, 0.1, 'm3'), (2, 1, 4, 85, 'kg'), (2, 2, 4, 3.6, 'kg'), (3, 1, 5, 12, null), (4, 1, 3, 0.2, 'm3');

insert into guild.invoices (id, number, commission_id, amount, paid) values
  (1, '2025-001', 2, 1412.5, true), (2, '2026-001', 1, 1000, false), (3, '2026-002', null, 10, null);

insert into guild.payments (id, invoice_id, amount, paid_at, method) values
  (1, 1, 1000, '2026-01-15 12:00:00+00', 'bank'), (2, 1, 412.5, '2026-02-15 12:00:00+00', 'cash'), (3, null, 5, null, null);

insert into guild.reviews (id, commission_id, reviewer_id, subject_id, stars, body) values
  (1, 2, 1, 2, 5, 'Sound work.'), (2, 2, 3, 2, 4, null), (3, 1, 2, 1, null, 'Not ready yet');

insert into guild.ledger (id, account, amount, reverses_id, booked_at) overriding system value values
  (1, 'fees', 120.5, null, '2026-01-01 00:00:00+00'), (2, 'fees', -120.5, 1, '2026-01-02 00:00:00+00'), (3, 'tools', 75.1, null, '2026-01-03 00:00:00+00');
alter table guild.ledger alter column id restart with 101;

insert into guild.events (id, happened_on, title, hall_id) values
  (1, '2025-06-24', 'Midsummer fair', '00000000-0000-4000-8000-000000000001'), (2, '2026-01-06', 'Kings'' day', '00000000-0000-4000-8000-000000000002'),
  (3, '2026-06-24', 'Midsummer fair', null), (4, '1999-12-31', 'Turn of the century', '00000000-0000-4000-8000-000000000001');

insert into guild.event_guests (event_id, happened_on, member_id, answer) values
  (1, '2025-06-24', 1, true), (1, '2025-06-24', 2, false), (2, '2026-01-06', 1, null), (4, '1999-12-31', 6, true);

insert into guild.documents (id, title, body, author_id, words_simple, attributes) values
  (1, 'Charter', 'The guild shall keep its tools sharp and its promises.', 1, 'guild:1 tools:2', '{"pages": 12}'),
  (2, 'Minutes of May', 'Discussed: running water in the workshops.', 2, null, '{"pages": 3, "draft": true}'),
  (3, 'Impossible glass', null, 6, 'glass:1', null);

insert into guild.document_versions (document_id, version, body, checksum) values
  (1, 1, '<charter><rule>Keep</rule></charter>', '\xdeadbeef'), (1, 2, '<charter/>', '\x'), (2, 1, null, null);

insert into guild.folders (id, parent_id, name, path) values
  (1, null, 'root', '{root}'), (2, 1, 'rules', '{root,rules}'), (3, 1, 'minutes', '{root,minutes}'), (4, 3, '2026', '{root,minutes,"2026"}');

insert into guild.folder_documents (folder_id, document_id) values (2, 1), (4, 2), (1, 1);

insert into guild.samples values
  (1, 1, 9007199254740993, 1234567890.123456789, 1.5, 2.718281828459045, true, 'abc', 'varchar', 'text', '\x68656c6c6f',
   '2026-03-01', '12:34:56', '12:34:56+02', '2026-03-01 12:34:56.789', '2026-03-01 12:34:56.789+00', '1 year 2 days 03:04:05',
   '00000000-0000-4000-8000-00000000abcd', '{"a": 1,  "a": 2}', '{"b": [1, 2], "a": null}', '192.0.2.1/24', '192.0.2.0/24', '08:00:2b:01:02:03', '(1.5,-2)', B'1010',
   B'101', 4294967295, 'a name', 'master', '{master,warden}', '{1,NULL,3}', '{{1,2},{3,4}}', '{"a,b","c\"d",NULL,""}', array['{"x": 1}', '[]']::jsonb[]),
  (2, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
   null, null, null, null, null, null, null, null, null),
  (3, -32768, -9223372036854775808, 'NaN', 'Infinity', -0.0, false, '', '', '', '\x',
   '0044-03-15 BC', '24:00', '00:00+00', 'infinity', '-infinity', '-1 mons', '00000000-0000-0000-0000-000000000000', 'null', '"x"', '::1', '::/0', '00:00:00:00:00:00',
   '(0,0)', B'0000', B'', 0, '', 'apprentice', '{}', '{}', '{}', '{}', '{}');

insert into guild.ranges (id, ints, bigs, nums, days, times, moments, many) values
  (1, '[1,10)', '[1,100]', '(0.5,1.5]', '[2026-01-01,2026-02-01)', '[2026-01-01 10:00,2026-01-01 12:00)', '[2026-01-01 10:00+00,)', '{[1,3),[7,9)}'),
  (2, '[10,20)', 'empty', '[2,)', '[2026-02-01,)', null, null, '{}'), (3, '(,5]', null, '(,)', 'empty', null, null, null);

insert into guild.json_lab (id, data, datab) values
  (1, '{"a": 1, "b": {"c": [10, 20, {"d": "deep"}]}, "t": "x y"}', '{"a": 1, "b": {"c": [10, 20, {"d": "deep"}]}, "t": "x y"}'),
  (2, '[1, "two", null, true]', '[1, "two", null, true]'), (3, '"scalar"', '42'), (4, null, null), (5, '{"a": 2, "k.e,y": "odd"}', '{"a": 2, "k.e,y": "odd"}');

insert into guild.texts (id, english, german, plain, structured) values
  (1, to_tsvector('english', 'It''s kind of fun to do the impossible'), to_tsvector('german', 'Es ist eine Art Spaß, das Unmögliche zu machen'), 'fun things', '{"title": "impossible fun"}'),
  (2, to_tsvector('english', 'But also fun to do what is possible'), null, 'Other, 100% sure_thing', '{"title": "the possible"}'), (3, null, null, null, null);

insert into guild."Größen" values ('S', 10, null), ('M', 20.5, 'S'), ('Ü', null, 'M');
insert into guild."Mixed Case" ("Id", "Some Value", "quo""ted", "MemberId") values (1, 'one', 'q', 1), (2, null, '"', 2), (3, 'Three', null, null);
insert into guild."odd.name,(with) everything: really" values (1, 'ab', 'cd', 5, 'fg', 'selected', 'spaced'), (2, null, 'x,y', -1, null, null, '');
insert into guild.サンプル values (1, 'ひとつ'), (2, null);
insert into guild.a_name_of_sixty_three_bytes_is_the_longest_that_postgresql_has values (1, 'long'), (2, 'longer');

insert into guild.journal (line, written_at, member_id) values
  ('Opened', '2026-01-01 08:00:00', 1), ('Opened', '2026-01-01 08:00:00', 1), (null, null, null), ('Closed', '2026-01-01 18:00:00', 2);
insert into guild.parameters (key, value) values ('motto', '"Ars longa"'), ('limits', '{"loans": 3}'), ('none', null);
insert into guild.keyless_links (member_id, workshop_id) values (1, 1), (1, 2), (null, 3), (4, 1);
insert into guild.holidays (day) values ('2026-01-01'), ('2026-12-25');
insert into guild.only_defaults (id, label, made_at) values (1, 'first', '2026-01-01 00:00:00'), (2, null, null);
alter table guild.only_defaults alter column id restart with 101;
insert into guild.tickets (id, subject, priority, changed) overriding system value values (1, 'Roof leaks', 1, 0), (2, 'New broom', 3, 2);
alter table guild.tickets alter column id restart with 101;
insert into guild.receipts (number, note) values (1, 'first'), (2, null);
