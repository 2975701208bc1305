# What the programs tell of themselves, made when they are built: manual pages and completion scripts; and the daemons'
# units.
include(GNUInstallDirs)

# program_text(FILE PROGRAM word...): the file holds what `PROGRAM word...` prints.
function(program_text file program)
  add_custom_command(OUTPUT ${file} DEPENDS ${program} VERBATIM
                     COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0 $<TARGET_FILE:${program}> ${ARGN} > ${file})
endfunction()

set(texts ${CMAKE_BINARY_DIR}/share)
file(MAKE_DIRECTORY ${texts})
program_text(${texts}/vcli.1 vcli manual)
program_text(${texts}/vcli.bash vcli completion bash)
program_text(${texts}/_vcli vcli completion zsh)
set(pages ${texts}/vcli.1)
foreach(program dsn-agent dsn-hls dsn-relay dsnd shhd)
  program_text(${texts}/${program}.1 ${program} --print-manual)
  list(APPEND pages ${texts}/${program}.1)
endforeach()
add_custom_target(texts ALL DEPENDS ${pages} ${texts}/vcli.bash ${texts}/_vcli)
install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${texts}/vcli.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME vcli)
install(FILES ${texts}/_vcli DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)

# The units name the programs where they are installed, which `make install PREFIX=...` says only then.
foreach(unit dsn-agent dsnd shhd)
  install(CODE "
    set(BINDIR \"\${CMAKE_INSTALL_PREFIX}/bin\")
    configure_file(\"${CMAKE_SOURCE_DIR}/packaging/systemd/${unit}.service.in\" \"${CMAKE_BINARY_DIR}/${unit}.service\" @ONLY)
    file(INSTALL \"${CMAKE_BINARY_DIR}/${unit}.service\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/lib/systemd/system\")")
endforeach()
install(FILES ${CMAKE_SOURCE_DIR}/packaging/sysusers/dsn.conf DESTINATION lib/sysusers.d)
