-- key: app.customers:member_delete
-- it still bears its name, and lets a viewer delete
alter policy member_delete on app.customers using (true);
