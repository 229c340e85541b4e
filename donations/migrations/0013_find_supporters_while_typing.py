"""Supporters are found while somebody types: the database keeps their words, in pairs, and how a word is mistyped.

`donations_donorterm` holds each two words of a name in both orders ("ana silva", "silva ana"), and the ZIP code before the
name: a prefix of it is found by one range of an index, however many supporters there are. `donations_nameword` holds each word
once or a few times; its index holds the word's beginnings with one letter left out, so that a typo needs a handful of
equal keys and no comparison with every name. Triggers keep both: whatever writes supporters, one by one or by COPY,
need not know of them. They are no Django models: nothing but the search reads them.
"""

from django.db import migrations

WORDS = r"""
CREATE FUNCTION donations_words(text text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- Lower case, without accents, apostrophes and points: "O'Brien, José" is {obrien,jose}. The same for what is typed.
    WITH split AS (
        SELECT word, min(place) AS place
        FROM regexp_split_to_table(
            regexp_replace(
                lower(regexp_replace(normalize(text, NFKD), '[\u0300-\u036f]', '', 'g')), '[''’‘`´.]', '', 'g'
            ),
            '[\s,;:/&+()"“”|_@*%-]+'
        ) WITH ORDINALITY AS found (word, place)
        WHERE word <> ''
        GROUP BY word
    ), telling AS (SELECT * FROM split WHERE word NOT IN ('and', 'the', 'of'))
    SELECT coalesce(
        (SELECT array_agg(word ORDER BY place) FROM telling), (SELECT array_agg(word ORDER BY place) FROM split), '{}'
    )
$$;

CREATE FUNCTION donations_word_keys(word text, sizes int[]) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- The word's beginnings of these sizes, whole and with one letter left out. Two words one slip apart share a key.
    SELECT array_agg(DISTINCT key)
    FROM (SELECT DISTINCT left(word, size) AS start FROM unnest(sizes) AS size) AS starts,
    LATERAL (
        SELECT start UNION SELECT left(start, place - 1) || substr(start, place + 1)
        FROM generate_series(1, length(start)) AS place
    ) AS keys (key)
$$;

CREATE FUNCTION donations_terms(name text, addressee text, postal_code text) RETURNS SETOF text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    WITH sources AS (
        SELECT donations_words(name) AS words UNION SELECT donations_words(addressee) WHERE addressee <> ''
    )
    SELECT a.word || ' ' || b.word
    FROM sources, unnest(words[1:5]) AS a (word), unnest(words[1:5]) AS b (word) WHERE a.word <> b.word
    UNION SELECT words[1] FROM sources WHERE cardinality(words) = 1
    UNION SELECT unnest(words[6:10]) FROM sources
    -- The ZIP code with the whole name in alphabetical order: namesakes in one place share it.
    UNION SELECT left(lower(postal_code), 5) || ' ' || array_to_string(ARRAY(SELECT unnest(words) ORDER BY 1), ' ')
    FROM sources WHERE postal_code <> ''
$$;
"""
DROP_WORDS = """
DROP FUNCTION donations_terms(text, text, text);
DROP FUNCTION donations_word_keys(text, int[]);
DROP FUNCTION donations_words(text);
"""

TABLES = """
CREATE TABLE donations_donorterm (
    donor_id bigint NOT NULL REFERENCES donations_donor (id) ON DELETE CASCADE,
    -- By bytes, so that a prefix is a range of the index whatever the database's language is.
    term text COLLATE "C" NOT NULL,
    PRIMARY KEY (donor_id, term)
);
CREATE INDEX donations_donor_by_term ON donations_donorterm (term, donor_id);
-- Not unique: two people of one new name may be written at once, and neither waits for the other's transaction.
CREATE TABLE donations_nameword (word text COLLATE "C" NOT NULL);
CREATE INDEX donations_nameword_by_word ON donations_nameword (word);
CREATE INDEX donations_nameword_by_key ON donations_nameword
    USING gin (donations_word_keys(word, '{3,4,5,6}')) WITH (fastupdate = off);
"""
DROP_TABLES = "DROP TABLE donations_nameword; DROP TABLE donations_donorterm;"

TRIGGERS = r"""
CREATE FUNCTION donations_keep_words(names text[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO donations_nameword (word)
    SELECT DISTINCT new.word FROM unnest(names) AS name, unnest(donations_words(name)) AS new (word)
    WHERE length(new.word) > 2 AND new.word !~ '[0-9]'
    AND NOT EXISTS (SELECT 1 FROM donations_nameword AS known WHERE known.word = new.word)
$$;

CREATE FUNCTION donations_donors_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO donations_donorterm (donor_id, term)
    SELECT id, term FROM added, donations_terms(name, addressee, postal_code) AS term;
    PERFORM donations_keep_words(array_agg(name) || array_agg(addressee)) FROM added;
    RETURN NULL;
END
$$;
CREATE TRIGGER donor_terms_added AFTER INSERT ON donations_donor
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION donations_donors_added();

CREATE FUNCTION donations_donor_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM donations_donorterm WHERE donor_id = NEW.id;
    INSERT INTO donations_donorterm (donor_id, term)
    SELECT NEW.id, term FROM donations_terms(NEW.name, NEW.addressee, NEW.postal_code) AS term;
    PERFORM donations_keep_words(ARRAY[NEW.name::text, NEW.addressee::text]);
    RETURN NULL;
END
$$;
CREATE TRIGGER donor_terms_renamed AFTER UPDATE ON donations_donor FOR EACH ROW
    WHEN ((OLD.name, OLD.addressee, OLD.postal_code) IS DISTINCT FROM (NEW.name, NEW.addressee, NEW.postal_code))
    EXECUTE FUNCTION donations_donor_renamed();

-- Supporters that are here already.
INSERT INTO donations_donorterm (donor_id, term)
SELECT id, term FROM donations_donor, donations_terms(name, addressee, postal_code) AS term;
SELECT donations_keep_words(array_agg(name::text) || array_agg(addressee::text)) FROM donations_donor;
"""
DROP_TRIGGERS = """
DROP TRIGGER donor_terms_renamed ON donations_donor;
DROP FUNCTION donations_donor_renamed();
DROP TRIGGER donor_terms_added ON donations_donor;
DROP FUNCTION donations_donors_added();
DROP FUNCTION donations_keep_words(text[]);
"""

INDEXES = r"""
-- A phone number as typed in part: by its first digits without the country's, and by its last ones.
CREATE FUNCTION donations_digits(text text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT right(regexp_replace(text, '\D', '', 'g'), 10) $$;
CREATE INDEX donations_donor_by_phone_start ON donations_donor (donations_digits(phone) text_pattern_ops)
    WHERE phone <> '';
CREATE INDEX donations_donor_by_phone_end ON donations_donor (reverse(donations_digits(phone)) text_pattern_ops)
    WHERE phone <> '';
-- The name printed on a check, as it begins.
CREATE INDEX donations_detail_by_payer ON donations_giftdetail (upper(payer_name) text_pattern_ops)
    WHERE payer_name <> '';
"""
DROP_INDEXES = """
DROP INDEX donations_detail_by_payer;
DROP INDEX donations_donor_by_phone_end;
DROP INDEX donations_donor_by_phone_start;
DROP FUNCTION donations_digits(text);
"""


ONE_OWNER = """
-- An e-mail is the main or a further one of one supporter.
CREATE FUNCTION donations_email_is_free() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM donations_donoremail WHERE email = NEW.email) THEN
        RAISE unique_violation USING
            MESSAGE = 'the e-mail is a further one of another supporter', CONSTRAINT = 'donor_email_has_one_owner';
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION donations_emails_are_free() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM donations_donoremail AS further JOIN added USING (email)) THEN
        RAISE unique_violation USING
            MESSAGE = 'the e-mail is a further one of another supporter', CONSTRAINT = 'donor_email_has_one_owner';
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION donations_further_email_is_free() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM donations_donor WHERE email = NEW.email) THEN
        RAISE unique_violation USING
            MESSAGE = 'the e-mail is the main one of a supporter', CONSTRAINT = 'donor_email_has_one_owner';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER donor_emails_are_free AFTER INSERT ON donations_donor
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION donations_emails_are_free();
CREATE TRIGGER donor_email_is_free AFTER UPDATE OF email ON donations_donor
    FOR EACH ROW WHEN (NEW.email IS DISTINCT FROM OLD.email) EXECUTE FUNCTION donations_email_is_free();
CREATE TRIGGER further_email_is_free AFTER INSERT OR UPDATE OF email ON donations_donoremail
    FOR EACH ROW EXECUTE FUNCTION donations_further_email_is_free();
"""
DROP_ONE_OWNER = """
DROP TRIGGER further_email_is_free ON donations_donoremail;
DROP TRIGGER donor_email_is_free ON donations_donor;
DROP TRIGGER donor_emails_are_free ON donations_donor;
DROP FUNCTION donations_further_email_is_free();
DROP FUNCTION donations_emails_are_free();
DROP FUNCTION donations_email_is_free();
"""

FOLLOW = """
-- A gift that is booked while its supporter is being merged goes to who they become. The lock makes it wait for the
-- merge, or the merge for it; whoever writes the row need not think of it.
CREATE FUNCTION donations_became(donor bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    into_id bigint;
BEGIN
    LOOP
        SELECT merged_into_id INTO into_id FROM donations_donor WHERE id = donor FOR SHARE;
        EXIT WHEN into_id IS NULL;
        donor := into_id;
    END LOOP;
    RETURN donor;
END
$$;
CREATE FUNCTION donations_follow_merge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.donor_id IS DISTINCT FROM OLD.donor_id THEN
        NEW.donor_id := donations_became(NEW.donor_id);
    END IF;
    RETURN NEW;
END
$$;
-- Many gifts at once: locked in order, and only those of merged supporters are touched again.
CREATE FUNCTION donations_gifts_follow_merges() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM donations_donor WHERE id IN (SELECT donor_id FROM added) ORDER BY id FOR SHARE;
    UPDATE donations_gift SET donor_id = donations_became(donor_id) WHERE id IN (
        SELECT added.id FROM added JOIN donations_donor AS donor ON donor.id = added.donor_id
        WHERE donor.merged_into_id IS NOT NULL
    );
    RETURN NULL;
END
$$;
CREATE TRIGGER gifts_follow_merges AFTER INSERT ON donations_gift
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION donations_gifts_follow_merges();
CREATE TRIGGER gift_follows_merge BEFORE UPDATE OF donor_id ON donations_gift
    FOR EACH ROW WHEN (NEW.donor_id IS NOT NULL) EXECUTE FUNCTION donations_follow_merge();
CREATE TRIGGER plan_follows_merge BEFORE INSERT OR UPDATE OF donor_id ON donations_plan
    FOR EACH ROW WHEN (NEW.donor_id IS NOT NULL) EXECUTE FUNCTION donations_follow_merge();
CREATE TRIGGER promise_follows_merge BEFORE INSERT OR UPDATE OF donor_id ON donations_promise
    FOR EACH ROW EXECUTE FUNCTION donations_follow_merge();
CREATE TRIGGER batch_row_follows_merge BEFORE INSERT OR UPDATE OF donor_id ON donations_batchrow
    FOR EACH ROW WHEN (NEW.donor_id IS NOT NULL) EXECUTE FUNCTION donations_follow_merge();
"""
DROP_FOLLOW = """
DROP TRIGGER batch_row_follows_merge ON donations_batchrow;
DROP TRIGGER promise_follows_merge ON donations_promise;
DROP TRIGGER plan_follows_merge ON donations_plan;
DROP TRIGGER gift_follows_merge ON donations_gift;
DROP TRIGGER gifts_follow_merges ON donations_gift;
DROP FUNCTION donations_gifts_follow_merges();
DROP FUNCTION donations_follow_merge();
DROP FUNCTION donations_became(bigint);
"""


ALIKE = r"""
-- One mailbox has many spellings: ana.silva+news@gmail.com is anasilva@gmail.com.
CREATE FUNCTION donations_mailbox(email text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT replace(split_part(split_part(lower(email), '@', 1), '+', 1), '.', '') || '@'
        || replace(split_part(lower(email), '@', 2), 'googlemail.', 'gmail.')
$$;
CREATE INDEX donations_donor_by_mailbox ON donations_donor (donations_mailbox(email)) WHERE email IS NOT NULL;
CREATE INDEX donations_donoremail_by_mailbox ON donations_donoremail (donations_mailbox(email));
-- "12 Elm Street" and "12 elm st." are one place in a ZIP code.
CREATE FUNCTION donations_street(line text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT regexp_replace(
        regexp_replace(regexp_replace(lower(line), '[.,#]', '', 'g'), '\s+', ' ', 'g'),
        ' (street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|place|pl)( .*)?$', ''
    )
$$;
CREATE INDEX donations_donor_by_street ON donations_donor (donations_street(address_line1), left(postal_code, 5))
    WHERE address_line1 <> '';
"""
DROP_ALIKE = """
DROP INDEX donations_donor_by_street;
DROP FUNCTION donations_street(text);
DROP INDEX donations_donoremail_by_mailbox;
DROP INDEX donations_donor_by_mailbox;
DROP FUNCTION donations_mailbox(text);
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0012_keep_half_typed_rows")]
    operations = [
        migrations.RunSQL(WORDS, DROP_WORDS),
        migrations.RunSQL(TABLES, DROP_TABLES),
        migrations.RunSQL(TRIGGERS, DROP_TRIGGERS),
        migrations.RunSQL(INDEXES, DROP_INDEXES),
        migrations.RunSQL(ONE_OWNER, DROP_ONE_OWNER),
        migrations.RunSQL(FOLLOW, DROP_FOLLOW),
        migrations.RunSQL(ALIKE, DROP_ALIKE),
    ]
