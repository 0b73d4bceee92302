//! Merchants by the hundred thousand.

use anyhow::{Result, ensure};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// `$1` names and `$2` aliases, none of which is there already. Names of one to five words, from lists whose head is drawn more often, as in life; brands
/// are put together from syllables, so that most words are rare and a few are everywhere. The numbers come from a hash and
/// not from `random()`: a database made twice is the same.
const MERCHANTS: &str = "
    WITH lists AS MATERIALIZED (
        SELECT string_to_array('Cafe,Market,Pharmacy,Bakery,Restaurant,Supermarket,Hotel,Books,Electronics,Fashion,Garage,Clinic,Dental,Fitness,Studio,Travel,Insurance,Energy,Telecom,Foods,Kitchen,Pizza,Grill,Bar,Coffee,Tea House,Flowers,Jewellers,Optics,Sports,Toys,Furniture,Hardware,Garden Centre,Pet Shop,Salon,Barber,Laundry,Cleaners,Cinema,Theatre,Museum,Parking,Fuel,Motors,Tyres,Rentals,Logistics,Bank,Academy', ',') AS kinds,
               string_to_array('London,Berlin,Vienna,Paris,Madrid,Lisbon,Rome,Milan,Zurich,Geneva,Munich,Hamburg,Cologne,Frankfurt,Prague,Warsaw,Krakow,Budapest,Athens,Dublin,Oslo,Stockholm,Gothenburg,Helsinki,Copenhagen,Amsterdam,Rotterdam,Brussels,Antwerp,Lyon,Marseille,Toulouse,Nice,Barcelona,Valencia,Seville,Porto,Naples,Turin,Florence,Bologna,Salzburg,Graz,Linz,Innsbruck,Basel,Bern,Manchester,Liverpool,Leeds,Bristol,Glasgow,Edinburgh,Cardiff,Belfast,Boston,Chicago,Seattle,Denver,Austin,Dallas,Houston,Phoenix,Portland,Atlanta,Miami,Toronto,Montreal,Vancouver,Sydney,Melbourne,Brisbane,Perth,Auckland,Mumbai,Delhi,Bangalore,Chennai,Pune,Hyderabad,Singapore,Tokyo,Osaka,Seoul,Istanbul,Ankara,Cairo,Lagos,Nairobi,Cape Town', ',') AS cities,
               string_to_array('Smith,Johnson,Williams,Brown,Jones,Garcia,Miller,Davis,Rodriguez,Martinez,Hernandez,Lopez,Gonzalez,Wilson,Anderson,Thomas,Taylor,Moore,Jackson,Martin,Lee,Perez,Thompson,White,Harris,Sanchez,Clark,Ramirez,Lewis,Robinson,Walker,Young,Allen,King,Wright,Scott,Torres,Nguyen,Hill,Flores,Green,Adams,Nelson,Baker,Hall,Rivera,Campbell,Mitchell,Carter,Roberts,Gruber,Huber,Bauer,Wagner,Müller,Pichler,Steiner,Moser,Mayer,Hofer,Leitner,Berger,Fuchs,Eder,Fischer,Schmid,Winkler,Weber,Schwarz,Maier,Schneider,Reiter,Mayr,Schmidt,Wimmer,Egger,Brunner,Lang,Baumgartner,Auer,Binder,Lechner,Wolf,Wallner,Aigner,Ebner,Koller,Lehner,Haas,Rossi,Russo,Ferrari,Esposito,Bianchi,Romano,Colombo,Ricci,Marino,Greco,Bruno,Gallo,Conti,Mancini,Costa,Giordano,Rizzo,Lombardi,Moretti,Dubois,Durand,Leroy,Moreau,Simon,Laurent,Lefebvre,Michel,Bertrand,Roux,Vincent,Fournier,Morel,Girard,Andre,Mercier,Dupont,Lambert,Bonnet,Kowalski,Nowak,Wiśniewski,Wójcik,Kamiński,Lewandowski,Zieliński,Novák,Svoboda,Dvořák,Černý,Procházka,Kučera,Horváth,Nagy,Szabó,Tóth,Kovács,Jensen,Nielsen,Hansen,Pedersen,Larsen,Johansson,Karlsson,Nilsson,Eriksson,Virtanen,Korhonen,Singh,Sharma,Patel,Kumar,Gupta,Khan,Das,Reddy,Rao,Iyer,Tanaka,Suzuki,Watanabe,Kim,Park,Chen,Wang,Zhang,Silva,Santos,Oliveira,Pereira,Almeida', ',') AS families,
               string_to_array('ba,be,bo,bri,ca,che,clo,co,cra,da,de,dra,el,en,fa,fe,fi,flo,fre,ga,gi,glo,gra,ha,he,hu,in,ja,jo,ka,ke,kra,la,le,li,lo,lu,ma,me,mi,mo,mu,na,ne,ni,no,or,pa,pe,pla,po,pri,qua,ra,re,ri,ro,ru,sa,sca,se,shi,si,so,spa,sta,sto,su,ta,te,ti,to,tra,tri,tu,ul,un,va,ve,vi,vo,wa,we,wi,xa,ya,ze,zo', ',') AS heads,
               string_to_array('n,r,l,x,s,m,nt,st,rd,ck,nda,ria,lia,via,tex,mark,lux,nova,ton,ley,son,berg,field,wood,line,tech,port,zon,ello,ina', ',') AS tails,
               -- None of them is in a name, so that no alias is another merchant's name.
               string_to_array('GMBH,LTD,INC,COM,ONLINE,STORE,INTL,PAYMENTS,RETAIL,SHOP,BRANCH,DIRECT,HOLDING,WEB,APP,EU,UK,US,SALES,SERVICES,GROUP,SRL,SPZOO,PLC', ',') AS suffixes,
               ARRAY(SELECT name FROM categories WHERE kind = 'expense' ORDER BY position) AS categories
    ), drawn AS (
        SELECT n, (hashint8extended(n, 42) & 1048575) / 1048576.0 AS shape,
               ((hashint8extended(n, 43) & 1048575) / 1048576.0) ^ 2 AS a,
               ((hashint8extended(n, 44) & 1048575) / 1048576.0) ^ 2 AS b,
               ((hashint8extended(n, 45) & 1048575) / 1048576.0) ^ 2 AS c,
               hashint8extended(n, 46) & 9223372036854775807 AS bits
        FROM generate_series(1, $1::bigint * 3) AS n
    ), worded AS (
        SELECT n, shape,
               kinds[1 + floor(a * cardinality(kinds))::int] AS kind,
               cities[1 + floor(b * cardinality(cities))::int] AS city,
               families[1 + floor(c * cardinality(families))::int] AS family,
               families[1 + (bits >> 40) % cardinality(families)] AS other,
               initcap(heads[1 + bits % cardinality(heads)] || heads[1 + (bits >> 8) % cardinality(heads)]
                       || CASE WHEN (bits >> 16) % 3 = 0 THEN heads[1 + (bits >> 20) % cardinality(heads)] ELSE '' END
                       || tails[1 + (bits >> 28) % cardinality(tails)]) AS brand,
               categories[1 + floor(a * cardinality(categories))::int] AS category
        FROM drawn, lists
    ), named AS (
        SELECT n, category,
               CASE WHEN shape < 0.15 THEN brand
                    WHEN shape < 0.40 THEN brand || ' ' || kind
                    WHEN shape < 0.55 THEN family || ' ' || kind
                    WHEN shape < 0.65 THEN kind || ' ' || city
                    WHEN shape < 0.80 THEN family || ' ' || kind || ' ' || city
                    WHEN shape < 0.90 THEN brand || ' ' || kind || ' ' || city
                    ELSE family || ' & ' || other || ' ' || kind END AS name
        FROM worded
    ), alone AS (
        SELECT DISTINCT ON (key) n, name, category, key
        FROM (SELECT *, lower(replace(name, '& ', '')) AS key FROM named) AS keyed
        WHERE NOT EXISTS (SELECT FROM merchant_aliases a WHERE a.alias_key = key)
          AND NOT EXISTS (SELECT FROM merchant_master m WHERE m.name_l = lower(name))
        ORDER BY key, n
    ), numbered AS (
        SELECT name, category, key, row_number() OVER (ORDER BY n) - 1 AS x,
               -- A UUIDv7 as that of a merchant made in the order of its number.
               (lpad(to_hex(1735689600000 + n), 12, '0') || '70008' || left(md5(n::text), 15))::uuid AS id
        FROM (SELECT * FROM alone ORDER BY n LIMIT $1) AS first
    ), aliased AS MATERIALIZED (
        SELECT id, name, category, key, x, ARRAY(
                   SELECT suffixes[1 + (x + round) % cardinality(suffixes)]
                   FROM generate_series(0, ($2 - 1 - x) / $1) AS round WHERE x < $2 ORDER BY 1
               ) AS suffixes
        FROM numbered, lists
    ), merchants AS (
        INSERT INTO merchant_master (id, canonical_name, category, country, aliases)
        SELECT id, name, category, CASE WHEN x % 3 = 0 THEN 'DE' END,
               ARRAY(SELECT upper(name) || ' ' || suffix FROM unnest(suffixes) AS suffix ORDER BY 1)
        FROM aliased
    )
    INSERT INTO merchant_aliases (alias_key, merchant_id, is_canonical)
    SELECT key, id, true FROM aliased
    UNION ALL
    SELECT key || ' ' || lower(suffix), id, false FROM aliased, unnest(suffixes) AS suffix";

/// The indexes of merchants that are no constraint's, and what makes them again.
const INDEXES: &str = "
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index i
    WHERE indrelid = 'merchant_master'::regclass AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)";

/// Makes merchants until there are so many, each with three names beside its own. The owner of the tables must run it; all
/// or nothing is done.
pub async fn merchants(conn: &mut PgConnection, names: i64) -> Result<()> {
    let mut tx = conn.begin().await?;
    let count = "SELECT count(*) FROM merchant_master";
    let missing = names.saturating_sub(sqlx::query_scalar(count).fetch_one(&mut *tx).await?);
    if missing <= 0 {
        return Ok(());
    }
    let indexes: Vec<(String, String)> = sqlx::query_as(INDEXES).fetch_all(&mut *tx).await?;
    sqlx::raw_sql("SET LOCAL maintenance_work_mem = '256MB'").execute(&mut *tx).await?;
    for (name, _) in &indexes {
        sqlx::raw_sql(AssertSqlSafe(format!("DROP INDEX {name}"))).execute(&mut *tx).await?;
    }
    sqlx::query(MERCHANTS).bind(missing).bind(missing.saturating_mul(3)).execute(&mut *tx).await?;
    for (_, definition) in indexes {
        sqlx::raw_sql(AssertSqlSafe(definition)).execute(&mut *tx).await?;
    }
    let made: i64 = sqlx::query_scalar(count).fetch_one(&mut *tx).await?;
    ensure!(made == names, "the word lists give {made} names and no more");
    tx.commit().await?;
    sqlx::raw_sql("VACUUM (ANALYZE) merchant_master, merchant_aliases").execute(conn).await?;
    Ok(())
}
