-- key: app.looks(text)
create function app.looks(text) returns boolean language sql leakproof as 'select true';
