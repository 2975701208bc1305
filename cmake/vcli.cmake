# What vcli tells of itself, made when it is built: its manual page and the completion scripts; and the daemons' units.
include(GNUInstallDirs)

# vcli_text(FILE word...): the file holds what `vcli word...` prints.
function(vcli_text file)
  add_custom_command(OUTPUT ${file} DEPENDS vcli VERBATIM
                     COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0 $<TARGET_FILE:vcli> ${ARGN} > ${file})
endfunction()

set(texts ${CMAKE_BINARY_DIR}/share)
file(MAKE_DIRECTORY ${texts})
vcli_text(${texts}/vcli.1 manual)
vcli_text(${texts}/vcli.bash completion bash)
vcli_text(${texts}/_vcli completion zsh)
add_custom_target(vcli-texts ALL DEPENDS ${texts}/vcli.1 ${texts}/vcli.bash ${texts}/_vcli)
install(FILES ${texts}/vcli.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${texts}/vcli.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME vcli)
install(FILES ${texts}/_vcli DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)

configure_file(${CMAKE_SOURCE_DIR}/packaging/systemd/dsn-agent.service.in ${CMAKE_BINARY_DIR}/dsn-agent.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/dsn-agent.service DESTINATION lib/systemd/system)
configure_file(${CMAKE_SOURCE_DIR}/packaging/systemd/shhd.service.in ${CMAKE_BINARY_DIR}/shhd.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/shhd.service DESTINATION lib/systemd/system)
