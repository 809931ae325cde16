"""Contracts that came into other hands are noted, for the feed tells their flags anew; held back as their history is."""

import django.db.models.deletion
import people.models
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from contracts.row_security import of_contract
from people.row_security import of_departments, restricted


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0020_what_was_withheld_is_nobodys'),
        ('contracts', '0004_words_of_contracts'),
        ('people', '0004_no_second_table_of_tokens'),
    ]

    operations = [
        migrations.CreateModel(
            name='NotedContract',
            fields=[
            ],
            options={
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('contracts.contract',),
        ),
        migrations.CreateModel(
            name='HandedOver',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('xid', models.BigIntegerField(db_default=people.models.CurrentTransaction(), editable=False)),
                ('contract', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='contracts.contract')),
                ('department', models.ForeignKey(blank=True, db_constraint=False, db_index=False, help_text='whose it was before', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='people.department')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='notedcontract',
            trigger=pgtrigger.compiler.Trigger(name='note_handed_over', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."department_id" IS DISTINCT FROM (NEW."department_id") OR OLD."owner" IS DISTINCT FROM (NEW."owner"))', func='INSERT INTO alerts_handedover (contract_id, department_id) VALUES (OLD.id, OLD.department_id); RETURN NULL;', hash='2db34afb806925d61f9440fb2255bce681d72df5', operation='UPDATE', pgid='pgtrigger_note_handed_over_d46ef', table='contracts_contract', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='notedcontract',
            trigger=pgtrigger.compiler.Trigger(name='note_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO alerts_handedover (contract_id, department_id) VALUES (OLD.id, OLD.department_id); RETURN NULL;', hash='9c5756aad83a7a58f0ec2b2ef8c225cb5312e481', operation='DELETE', pgid='pgtrigger_note_deleted_a194e', table='contracts_contract', when='AFTER')),
        ),
        migrations.AddIndex(
            model_name='handedover',
            index=models.Index(fields=['xid'], name='handedover_xid'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='handedover',
            trigger=pgtrigger.compiler.Trigger(name='keep', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='96cfebd76e692031b40c46798e6ce9018f14bc19', operation='UPDATE OR DELETE', pgid='pgtrigger_keep_3ad98', table='alerts_handedover', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='handedover',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'cannot truncate %: its changes are logged row by row', TG_TABLE_NAME;", hash='dd8f35e0fedf106947612e671ffb96caaeb61a43', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_f2626', table='alerts_handedover', when='BEFORE')),
        ),
        restricted('alerts_handedover', f"{of_contract()} OR {of_departments()}"),
    ]
