// The guest's two programs, as bytes.
        .section .rodata.extreq_payload, "a", @progbits
        .globl  extreq_payload_init, extreq_payload_init_end
        .globl  extreq_payload_program, extreq_payload_program_end
        .hidden extreq_payload_init, extreq_payload_init_end
        .hidden extreq_payload_program, extreq_payload_program_end
        .balign 16
extreq_payload_init:
        .incbin EXTREQ_PAYLOAD_INIT
extreq_payload_init_end:
        .balign 16
extreq_payload_program:
        .incbin EXTREQ_PAYLOAD_PROGRAM
extreq_payload_program_end:
        .section .note.GNU-stack, "", @progbits
