/* The handlers of the command table, one file each group. */
#ifndef DSN_VCLI_COMMANDS_H
#define DSN_VCLI_COMMANDS_H

#include "vcli/vcli.h"

command_fn cmd_node_logs;                                                                 /* cmd_node_logs.c */
command_fn cmd_node_create, cmd_node_verb, cmd_node_maintenance, cmd_node_forget;         /* cmd_node.c */
command_fn cmd_node_rename;                                                               /* cmd_node.c */
command_fn cmd_node_list;                                                                 /* cmd_node_list.c */
command_fn cmd_pipeline_plan, cmd_pipeline_private;                                       /* cmd_pipeline.c */
command_fn cmd_pipeline_init;                                                             /* cmd_pipeline_init.c */
command_fn cmd_pipeline_start;                                                            /* cmd_pipeline_start.c */
command_fn cmd_pipeline_stop, cmd_pipeline_status, cmd_pipeline_close, cmd_pipeline_list; /* cmd_pipeline_state.c */
command_fn cmd_pipeline_monitor;                                                          /* cmd_pipeline_monitor.c */
command_fn cmd_pipeline_push;                                                             /* cmd_pipeline_push.c */
command_fn cmd_order_plan, cmd_order_create, cmd_order_list, cmd_order_status;            /* cmd_order.c */
command_fn cmd_order_explain, cmd_node_explain;                                           /* cmd_explain.c */
command_fn cmd_order_start, cmd_order_stop, cmd_order_cancel, cmd_order_pay, cmd_order_give_up; /* cmd_order.c */
command_fn cmd_events;
command_fn cmd_login_network, cmd_logout_network, cmd_join;                         /* cmd_context.c */
command_fn cmd_context_list, cmd_context_show, cmd_context_use, cmd_context_remove; /* cmd_context.c */
command_fn cmd_ordered_stop, cmd_ordered_status, cmd_ordered_close;                 /* cmd_ordered.c */
command_fn cmd_order_push;                                                          /* cmd_order_push.c */
command_fn cmd_drill_kill;                                                          /* cmd_drill.c */
command_fn cmd_top;                                                                 /* cmd_top.c */
command_fn cmd_broker_setup;                                                        /* cmd_broker.c */
command_fn cmd_bus_send, cmd_bus_receive;                                           /* cmd_bus.c */
command_fn cmd_key_show, cmd_key_new, cmd_key_agent;                                /* cmd_key.c */
command_fn cmd_outbox_list, cmd_outbox_flush;                                       /* cmd_outbox.c */
command_fn cmd_outbox_resend, cmd_outbox_replace, cmd_outbox_abandon;               /* cmd_outbox_chain.c */
command_fn cmd_whisper_send, cmd_whisper_receive;                  /* cmd_whisper_send.c, cmd_whisper_receive.c */
command_fn cmd_whisper_genpub, cmd_whisper_pong, cmd_whisper_ping; /* a file each */
command_fn cmd_whisper_net_up, cmd_whisper_net_status, cmd_whisper_net_down;              /* cmd_whisper_net.c */
command_fn cmd_account_new, cmd_account_list, cmd_account_import, cmd_account_export;     /* cmd_account.c */
command_fn cmd_chain_deploy;                                                              /* cmd_chain.c */
command_fn cmd_chain_tps;                                                                 /* cmd_chain_tps.c */
command_fn cmd_chain_up, cmd_chain_status, cmd_chain_down;                                /* cmd_chain_net.c */
command_fn cmd_counter_get, cmd_counter_move;                                             /* cmd_counter.c */
command_fn cmd_register, cmd_register_remove;                                             /* cmd_register.c */
command_fn cmd_register_add_node, cmd_register_update_node, cmd_register_remove_node;     /* cmd_register.c */
command_fn cmd_register_list;                                                             /* cmd_register_list.c */
command_fn cmd_role_change, cmd_role_list;                                                /* cmd_role.c */
command_fn cmd_bar_add, cmd_bar_lift, cmd_bar_appeal, cmd_bar_decide, cmd_bar_show;       /* cmd_bar.c */
command_fn cmd_login, cmd_logout, cmd_whoami;                                             /* cmd_login.c */
command_fn cmd_payment_balance, cmd_payment_deposit;                                      /* cmd_payment.c */
command_fn cmd_payment_withdraw, cmd_payment_transfer, cmd_payment_send;                  /* cmd_payment.c */
command_fn cmd_job_create, cmd_job_top_up, cmd_job_assign, cmd_job_unassign, cmd_job_end; /* cmd_job_escrow.c */
command_fn cmd_job_report, cmd_job_confirm, cmd_job_reject, cmd_job_settle;               /* cmd_job_batch.c */
command_fn cmd_job_dispute, cmd_job_resolve, cmd_job_status;                              /* cmd_job_batch.c */
command_fn cmd_help, cmd_version;                                                         /* help.c */
command_fn cmd_completion;                                                                /* completion.c */
command_fn cmd_manual;                                                                    /* manual.c */

#endif
